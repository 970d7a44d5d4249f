'use strict';
const data = JSON.parse(document.getElementById('data').textContent);
const kinds = Object.fromEntries(data.kinds.map(kind => [kind.key, kind]));
const signs = {birth: '\u25b2', switch: '\u2715', fragment: '\u25c6'};
const state = {video: 0, frame: 0, label: -1, sort: null, down: false};
const at = id => document.getElementById(id);

// small helpers that make elements
function element(tag, fields = {}, ...children) {
  const node = document.createElement(tag);
  Object.assign(node, fields);
  node.append(...children);
  return node;
}
function shape(tag, fields = {}, ...children) {
  const node = document.createElementNS('http://www.w3.org/2000/svg', tag);
  for (const [key, value] of Object.entries(fields)) node.setAttribute(key, value);
  node.append(...children);
  return node;
}
function cell(value, {text = false, digits = 0} = {}) {
  if (value === null) return element('td', {className: 'none'}, '\u2013');
  if (digits) value = value.toFixed(digits);
  return element('td', {className: text ? 'text' : ''}, String(value));
}
const counts = label => state.label < 0 || state.label === label;
const eventsOf = video => video.events.filter(event => counts(event.label));
const current = () => data.videos[state.video];

// timeline: one line per object, then one per prediction with errors
const layout = {left: 150, row: 22, top: 22};
function stepWidth() {
  const room = at('timeline').parentElement.clientWidth - layout.left - 20;
  return Math.max(Math.min(room / current().frames.length, 40), 3);
}

function pattern(id, color, lines) {
  const tile = shape('pattern', {id, width: 8, height: 8, patternUnits: 'userSpaceOnUse'},
    shape('rect', {width: 8, height: 8, fill: color, 'fill-opacity': lines ? 0.35 : 1}));
  if (lines) tile.append(shape('path', {d: lines, stroke: color, 'stroke-width': 2, fill: 'none'}));
  return tile;
}
const hatch = {
  miss: 'M-2 2 L2 -2 M0 8 L8 0 M6 10 L10 6', wrong_class: 'M0 4 L8 4',
  duplicate: 'M4 0 L4 8', stray: 'M-2 6 L2 10 M0 0 L8 8 M6 -2 L10 2',
  false_track: 'M0 0 L8 8 M0 8 L8 0'};
const runKinds = {missed: 'miss', wrong_class: 'wrong_class', duplicate: 'duplicate'};
const hasObject = row => row.runs.some(([, , what]) => what === 'tracked' || what === 'wrong_class');
function kindOfRun(row, what) {
  if (what === 'false') return hasObject(row) ? 'stray' : 'false_track';
  return runKinds[what];
}

function drawRun(row, [start, stop, what, partner], y, step, isObject) {
  const kind = kindOfRun(row, what);
  const x = layout.left + start * step;
  const width = (stop - start) * step;
  const thin = !kind && !isObject;
  const bar = shape('rect', {
    class: 'run', x, width: Math.max(width - 1, 1), y: y + (thin ? 8 : 3),
    height: thin ? 5 : 15, rx: 2, 'data-state': kind || what,
    fill: kind ? `url(#${kind})` : 'var(--tracked)',
    'fill-opacity': what === 'excused' ? 0.2 : 1});
  const words = kind ? kinds[kind].name : what;
  bar.append(shape('title', {}, `${row.name}: ${words}${partner ? `, ${partner}` : ''}`));
  const parts = [bar];
  const number = partner.slice(partner.lastIndexOf('#'));
  if (isObject && !kind && partner.includes('#') && width > 8 * number.length + 30) {
    const text = shape('text', {x: x + width - 6, y: y + 15, 'text-anchor': 'end'}, number);
    text.style.fill = 'var(--on-tracked)';
    parts.push(text);
  }
  return parts;
}

function drawTimeline() {
  const video = current();
  const step = stepWidth();
  const objects = video.objects.filter(row => counts(row.label));
  const wrong = video.tracks.filter(
    row => counts(row.label) && row.runs.some(([, , what]) => what === 'false' || what === 'duplicate'));
  const lines = [{title: `objects (${objects.length})`}, ...objects,
    {title: `predictions with errors (${wrong.length})`}, ...wrong];
  const svg = at('timeline');
  const width = layout.left + step * video.frames.length + 10;
  const height = layout.top + layout.row * lines.length + 6;
  const parts = [shape('defs', {}, ...data.kinds.map(k => pattern(k.key, k.color, hatch[k.key])))];
  const every = Math.max(Math.ceil(40 / step), 1);
  video.frames.forEach((frame, i) => {
    if (i % every) return;
    const x = layout.left + i * step;
    parts.push(shape('line', {class: 'grid', x1: x, x2: x, y1: layout.top, y2: height}),
      shape('text', {x: x + 2, y: 14}, String(frame)));
  });
  lines.forEach((row, i) => {
    const y = layout.top + i * layout.row;
    const isObject = i <= objects.length;
    parts.push(shape('text', {x: 4, y: y + 15, class: row.title ? 'head' : ''},
      row.title || row.name));
    if (row.title) return;
    for (const run of row.runs) parts.push(...drawRun(row, run, y, step, isObject));
    if (!isObject) return;
    const own = video.events.filter(event => event.object === row.id && signs[event.kind]);
    own.forEach(event => {
      const beside = event.kind === 'fragment' ? step / 2 + 9 : step / 2;
      const sign = shape('text', {class: 'sign', x: layout.left + event.start * step + beside,
        y: y + 16, 'data-kind': event.kind}, signs[event.kind]);
      sign.style.fill = 'var(--ink)';
      parts.push(sign);
    });
  });
  parts.push(shape('line', {class: 'now', id: 'now', y1: layout.top - 4, y2: height}));
  svg.setAttribute('width', width);
  svg.setAttribute('height', height);
  svg.replaceChildren(...parts);
}

function moveCursor() {
  const x = layout.left + (state.frame + 0.5) * stepWidth();
  at('now').setAttribute('x1', x);
  at('now').setAttribute('x2', x);
}

function drawLegend() {
  const item = (name, ...parts) => element('span', {},
    shape('svg', {viewBox: '0 0 26 14'}, ...parts), name);
  const bar = fill => shape('rect', {x: 1, y: 1, width: 24, height: 12, fill, stroke: 'var(--ink)'});
  at('legend').replaceChildren(item('tracked, with the number of the track', bar('var(--tracked)')),
    ...data.kinds.map(kind => item(kind.name, signs[kind.key]
      ? shape('text', {x: 8, y: 12, fill: 'var(--ink)'}, signs[kind.key])
      : bar(`url(#${kind.key})`))));
}
