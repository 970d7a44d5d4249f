"""Models of the zoo are found by name, in a clone and in a wheel."""
from pathlib import Path

import pytest

import mmvis_plugin
from mmvis_plugin.utils import model_names
from mmvis_plugin.utils.model_names import (find_model, list_models,
                                            package_path, zoo_root)

INSPRO = 'inspro_r50_fpn_8xb1-32k_youtubevis2019'
METAFILE = """
Models:
  - Name: One_r18
    Alias: one
    In Collection: One
    Config: configs/one/One_r18.py
    Metadata:
      Batch Size: 8
    Results: []
    Weights:
      - https://a.example/one-0123abcd.pth
      - https://b.example/one-0123abcd.pth
    SHA256: 0123abcd
  - Name: two_r18
    In Collection: One
    Config: configs/one/two_r18.py
    Weights: package://checkpoints/two_r18-00000000.pth
"""


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Return the ``.mim`` of a package with two models; make it ours."""
    mim = tmp_path / 'site' / 'pack' / '.mim'
    (mim / 'configs' / 'one').mkdir(parents=True)
    index = mim / 'model-index.yml'
    index.write_text('Import:\n  - configs/one/metafile.yml\n')
    (mim / 'configs' / 'one' / 'metafile.yml').write_text(METAFILE)
    for stem in ('One_r18', 'two_r18'):
        (mim / 'configs' / 'one' / f'{stem}.py').write_text('model = dict()')
    monkeypatch.setattr(model_names, '_PACKAGE', str(mim.parent))
    monkeypatch.setattr(model_names, 'zoo_root',
                        lambda: zoo_root(str(mim.parent)))
    return mim


def test_every_model_of_the_repository_is_found():
    entries = list_models()
    assert len(entries) > 100
    for entry in entries:
        assert find_model(entry.name.upper()) == entry
        assert Path(entry.config).is_absolute()
        assert Path(entry.config).stem == entry.name
    words = [
        word.lower() for entry in entries
        for word in (entry.name, *entry.aliases)
    ]
    assert len(set(words)) == len(words)


def test_entry_holds_what_the_metafile_says():
    entry = find_model(INSPRO)
    assert entry.collection == 'InsPro'
    assert entry.metadata['Training Data'] == 'YouTube-VIS 2019'
    assert entry.results[0]['Metrics']['AP'] == 40.2
    assert [e.name for e in list_models('inspro-LITE')
            ] == ['inspro-lite_r50_fpn_8xb1-32k_youtubevis2019']


def test_typo_gets_the_close_names():
    with pytest.raises(ValueError, match=INSPRO) as error:
        find_model('inspro_r50_fpn_8xb1-32k_youtubvis2019')
    assert '\n' not in str(error.value)
    with pytest.raises(ValueError, match='list_models'):
        find_model('zzzz')


def test_models_of_an_installed_package(installed):
    entry = find_model('ONE')
    assert entry.config == str(installed / 'configs' / 'one' / 'One_r18.py')
    assert entry.weights == 'https://a.example/one-0123abcd.pth'
    assert entry.mirrors == ('https://b.example/one-0123abcd.pth', )
    assert entry.sha256 == '0123abcd'


def test_weights_of_the_package_have_to_be_there(installed):
    with pytest.raises(FileNotFoundError, match='install the package again'):
        find_model('two_r18')
    file = installed.parent / 'checkpoints' / 'two_r18-00000000.pth'
    file.parent.mkdir()
    file.touch()
    assert find_model('two_r18').weights == str(file)


def test_missing_config_is_named(installed):
    (installed / 'configs' / 'one' / 'One_r18.py').unlink()
    with pytest.raises(FileNotFoundError, match='One_r18.py'):
        find_model('one')


def test_root_is_the_clone_and_not_a_neighbour(tmp_path):
    package = tmp_path / 'site' / 'pack'
    package.mkdir(parents=True)
    (tmp_path / 'site' / 'model-index.yml').write_text('Import: []')
    with pytest.raises(FileNotFoundError, match='without its model zoo'):
        zoo_root(str(package))
    ours = Path(mmvis_plugin.__file__).parent
    assert Path(zoo_root()) in (ours.parent, ours / '.mim')


def test_package_path():
    inside = package_path('package://utils/model_names.py')
    assert Path(inside).samefile(model_names.__file__)
    assert package_path('https://a.example/x.pth').startswith('https://')
