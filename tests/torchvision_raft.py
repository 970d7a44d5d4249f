"""Names of the weights of torchvision's RAFT."""


def torchvision_names(small):
    """Pairs of official and torchvision's names, layer by layer."""
    pairs = []

    def add(ours, theirs, norm=False):
        keys = ['weight', 'bias']
        if norm:
            keys += ['running_mean', 'running_var', 'num_batches_tracked']
        pairs.extend((f'{ours}.{key}', f'{theirs}.{key}') for key in keys)

    for e, encoder in (('fnet', 'feature_encoder'), ('cnet',
                                                     'context_encoder')):
        batch_norm = e == 'cnet' and not small
        add(f'{e}.conv1', f'{encoder}.convnormrelu.0')
        if batch_norm:
            add(f'{e}.norm1', f'{encoder}.convnormrelu.1', True)
        for s in (1, 2, 3):
            for b in (0, 1):
                ours, theirs = (f'{x}.layer{s}.{b}' for x in (e, encoder))
                for k in (1, 2, 3) if small else (1, 2):
                    add(f'{ours}.conv{k}', f'{theirs}.convnormrelu{k}.0')
                    if batch_norm:
                        add(f'{ours}.norm{k}', f'{theirs}.convnormrelu{k}.1',
                            True)
            if s > 1:
                ours, theirs = (f'{x}.layer{s}.0.downsample'
                                for x in (e, encoder))
                add(f'{ours}.0', f'{theirs}.0')
                if batch_norm:
                    add(f'{ours}.1', f'{theirs}.1', True)
        add(f'{e}.conv2', f'{encoder}.conv')
    ours, theirs = 'update_block.encoder', 'update_block.motion_encoder'
    for k in (1, ) if small else (1, 2):
        add(f'{ours}.convc{k}', f'{theirs}.convcorr{k}.0')
    for k in (1, 2):
        add(f'{ours}.convf{k}', f'{theirs}.convflow{k}.0')
    add(f'{ours}.conv', f'{theirs}.conv.0')
    for k in ('1', ) if small else ('1', '2'):
        for gate in 'zrq':
            add(f'update_block.gru.conv{gate}{"" if small else k}',
                f'update_block.recurrent_block.convgru{k}.conv{gate}')
    for k in (1, 2):
        add(*[f'update_block.flow_head.conv{k}'] * 2)
    if not small:
        add('update_block.mask.0', 'mask_predictor.convrelu.0')
        add('update_block.mask.2', 'mask_predictor.conv')
    return pairs
