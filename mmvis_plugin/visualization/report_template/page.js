// how often each kind happens: [events, frames]
function tally(videos) {
  const found = Object.fromEntries(data.kinds.map(kind => [kind.key, [0, 0]]));
  for (const video of videos) {
    for (const event of eventsOf(video)) {
      found[event.kind][0] += 1;
      found[event.kind][1] += event.stop - event.start;
    }
  }
  return found;
}

function drawSummary() {
  const found = tally(data.videos);
  const head = element('tr', {}, ...['kind', 'events', 'frames', 'videos', 'meaning'].map(
    (name, i) => element('th', {className: i === 0 || i === 4 ? 'text' : ''}, name)));
  const rows = data.kinds.map(kind => {
    const swatch = element('span', {className: 'swatch'});
    swatch.style.background = kind.color;
    const videos = data.videos.filter(
      video => eventsOf(video).some(event => event.kind === kind.key)).length;
    const first = element('td', {className: 'text'}, swatch, kind.name);
    const row = element('tr', {}, first, cell(found[kind.key][0]),
      cell(found[kind.key][1]), cell(videos), cell(kind.text, {text: true}));
    row.dataset.kind = kind.key;
    return row;
  });
  at('summary').replaceChildren(element('thead', {}, head), element('tbody', {}, ...rows));
}

// columns of the table of videos: name, value of a video, value of all
function columns() {
  const errors = data.kinds.filter(kind => kind.is_error);
  return [
    {name: 'video', value: video => video.name, all: 'all', text: true},
    {name: 'frames', value: video => video.frames.length,
      all: data.videos.reduce((sum, video) => sum + video.frames.length, 0)},
    ...data.columns.map((column, i) => (
      {...column, value: video => video.scores[i], all: data.overall[i]})),
    ...errors.map(kind => ({
      name: kind.name, value: video => tally([video])[kind.key][0],
      all: tally(data.videos)[kind.key][0]})),
    {name: 'pictures', value: (video, i) => (at(`media-${i}`) ? 'yes' : ''), all: '', text: true},
  ];
}

function sorted(column) {
  const order = data.videos.map((video, i) => [i, column ? column.value(video, i) : i]);
  const compare = (a, b) => (typeof a === 'number' ? a - b : String(a).localeCompare(b));
  order.sort(([, a], [, b]) => {
    if (a === null || b === null) return (a === null) - (b === null);
    return state.down ? compare(b, a) : compare(a, b);
  });
  return order.map(([i]) => i);
}

function drawVideos() {
  const list = columns();
  const heads = list.map((column, i) => {
    const isSorted = state.sort === i;
    const arrow = isSorted ? (state.down ? ' \u25bc' : ' \u25b2') : '';
    const button = element('button', {type: 'button'}, column.name + arrow);
    button.addEventListener('click', () => {
      // numbers of errors are of interest from the top
      state.down = isSorted ? !state.down : i > 1 + data.columns.length && !column.text;
      state.sort = i;
      drawVideos();
    });
    const head = element('th', {className: column.text ? 'text' : ''}, button);
    const direction = state.down ? 'descending' : 'ascending';
    head.setAttribute('aria-sort', isSorted ? direction : 'none');
    return head;
  });
  const rows = sorted(list[state.sort]).map(i => {
    const cells = list.map(column => cell(column.value(data.videos[i], i), column));
    const open = element('button', {type: 'button'}, data.videos[i].name);
    cells[0].replaceChildren(open);
    const row = element('tr', {className: 'pick'}, ...cells);
    row.dataset.video = i;
    row.addEventListener('click', () => show(i, null));
    return row;
  });
  const total = element('tr', {className: 'total'}, ...list.map(c => cell(c.all, c)));
  at('videos').replaceChildren(element('thead', {}, element('tr', {}, ...heads)),
    element('tbody', {}, ...rows, total));
  markChosen();
}

function markChosen() {
  for (const row of at('videos').querySelectorAll('tr.pick')) {
    row.classList.toggle('chosen', Number(row.dataset.video) === state.video);
  }
}

// the pictures of a video, read when it is first shown
const media = new Map();
function mediaOf(i) {
  if (!media.has(i)) {
    const holder = at(`media-${i}`);
    media.set(i, holder ? JSON.parse(holder.textContent) : {frames: {}, clip: null});
  }
  return media.get(i);
}

function drawFrame() {
  const video = current();
  const {frames} = mediaOf(state.video);
  const held = Object.keys(frames).map(Number);
  const gap = i => Math.abs(i - state.frame);
  const nearest = held.reduce((best, i) => (gap(i) < gap(best) ? i : best), held[0]);
  const image = at('frame');
  image.hidden = held.length === 0;
  if (held.length) image.src = frames[nearest];
  const name = i => `frame ${video.frames[i]}`;
  image.alt = `${video.name}, ${name(nearest)}: ground truth and prediction`;
  const texts = eventsOf(video).filter(
    event => event.start <= state.frame && state.frame < event.stop).map(event => event.text);
  let where = `${name(state.frame)} (${state.frame + 1} of ${video.frames.length})`;
  if (!held.length) where += ', no pictures of this video in the page';
  else if (nearest !== state.frame) where += `, picture of ${name(nearest)}`;
  at('caption').textContent = `${where}: ${texts.join('; ') || 'no event'}`;
  at('slider').value = state.frame;
  moveCursor();
  for (const row of at('events').querySelectorAll('tr.pick')) {
    row.classList.toggle('chosen', Number(row.dataset.start) <= state.frame
      && state.frame < Number(row.dataset.stop));
  }
}

function drawEvents() {
  const video = current();
  const head = element('tr', {}, ...['frames', 'kind', 'event'].map(
    name => element('th', {className: 'text'}, name)));
  const rows = eventsOf(video).map(event => {
    const [first, last] = [video.frames[event.start], video.frames[event.stop - 1]];
    const go = element('button', {type: 'button'}, first === last ? `${first}` : `${first}\u2013${last}`);
    const swatch = element('span', {className: 'swatch'});
    swatch.style.background = kinds[event.kind].color;
    const row = element('tr', {className: 'pick'}, element('td', {className: 'text'}, go),
      element('td', {className: 'text'}, swatch, kinds[event.kind].name), cell(event.text, {text: true}));
    Object.assign(row.dataset, {start: event.start, stop: event.stop, kind: event.kind});
    row.addEventListener('click', () => show(state.video, event.start));
    return row;
  });
  at('events').replaceChildren(element('thead', {}, head), element('tbody', {}, ...rows));
}

function showClip(wanted) {
  const {clip} = mediaOf(state.video);
  const video = at('clip');
  const isOn = wanted && clip !== null;
  at('play').disabled = clip === null;
  at('play').setAttribute('aria-pressed', String(isOn));
  video.hidden = !isOn;
  if (!isOn) {
    video.pause();
    video.removeAttribute('src');
  } else {
    video.src = clip;
    video.play().catch(() => {});
  }
}

// the address tells what is shown: it can be kept and sent
function keepAddress() {
  const parts = {video: current().id, frame: current().frames[state.frame]};
  if (state.label >= 0) parts.class = data.classes[state.label];
  history.replaceState(null, '', `#${new URLSearchParams(parts)}`);
}
function readAddress() {
  const parts = new URLSearchParams(location.hash.slice(1));
  state.label = data.classes.indexOf(parts.get('class'));
  at('class').value = state.label;
  const video = data.videos.findIndex(item => item.id === parts.get('video'));
  const shown = Math.max(video, 0);
  const frame = data.videos[shown].frames.indexOf(Number(parts.get('frame') ?? -1));
  show(shown, video >= 0 && frame >= 0 ? frame : null);
}

function show(i, frame) {
  const isOther = i !== state.video || !at('now');
  state.video = i;
  const video = current();
  if (frame === null) {
    // a frame that shows something
    const first = eventsOf(video).find(event => kinds[event.kind].is_error);
    frame = first ? first.start : 0;
  }
  state.frame = Math.min(Math.max(frame, 0), video.frames.length - 1);
  if (isOther) {
    at('video-head').textContent = `Video ${video.name}`;
    at('slider').max = video.frames.length - 1;
    drawTimeline();
    drawEvents();
    showClip(false);
    markChosen();
  }
  drawFrame();
  keepAddress();
}

const step = by => show(state.video, state.frame + by);
function toEvent(direction) {
  const starts = eventsOf(current()).map(event => event.start).filter(
    start => (start - state.frame) * direction > 0);
  if (starts.length) show(state.video, direction > 0 ? Math.min(...starts) : Math.max(...starts));
}

function redraw() {
  drawSummary();
  drawVideos();
  drawTimeline();
  drawEvents();
  drawFrame();
  keepAddress();
}

function connect() {
  const click = (id, action) => at(id).addEventListener('click', action);
  click('previous', () => step(-1));
  click('next', () => step(1));
  click('previous-event', () => toEvent(-1));
  click('next-event', () => toEvent(1));
  click('play', () => showClip(at('clip').hidden));
  click('frame', () => at('frame').classList.toggle('large'));
  click('theme', () => {
    const root = document.documentElement;
    root.dataset.theme = root.dataset.theme === 'dark' ? 'light' : 'dark';
  });
  at('slider').addEventListener('input', () => show(state.video, Number(at('slider').value)));
  at('class').addEventListener('change', () => {
    state.label = Number(at('class').value);
    redraw();
  });
  at('timeline').addEventListener('click', event => {
    const x = event.clientX - at('timeline').getBoundingClientRect().left - layout.left;
    if (x >= 0) show(state.video, Math.floor(x / stepWidth()));
  });
  const keys = {ArrowLeft: () => step(-1), ArrowRight: () => step(1),
    n: () => toEvent(1), p: () => toEvent(-1)};
  document.addEventListener('keydown', event => {
    const takesKeys = event.target.matches && event.target.matches('select, input, video');
    if (takesKeys || event.ctrlKey || event.altKey || event.metaKey || !keys[event.key]) return;
    event.preventDefault();
    keys[event.key]();
  });
  window.addEventListener('resize', () => { drawTimeline(); drawFrame(); });
  window.addEventListener('hashchange', () => { readAddress(); redraw(); });
}

document.documentElement.dataset.theme =
  matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light';
at('facts').replaceChildren(...Object.entries(data.facts).map(
  ([key, value]) => element('div', {}, element('dt', {}, key), element('dd', {}, value))));
at('class').replaceChildren(element('option', {value: -1}, 'all classes'),
  ...data.classes.map((name, i) => element('option', {value: i}, name)));
connect();
drawLegend();
readAddress();
redraw();
