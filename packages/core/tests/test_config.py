"""The settings: from the environment when they are first read, or from the program."""

from __future__ import annotations

import pytest

from hublet.core._config import SETTINGS, Config


@pytest.fixture
def config(monkeypatch: pytest.MonkeyPatch) -> Config:
    """Settings that nobody has read yet, in an environment that sets none."""
    for setting in SETTINGS.values():
        monkeypatch.delenv(setting.variable, raising=False)
    return Config()


@pytest.mark.parametrize("name", SETTINGS)
def test_each_setting_has_a_default_and_says_what_it_means(config: Config, name: str):
    assert getattr(config, name) == SETTINGS[name].default
    assert SETTINGS[name].meaning


@pytest.mark.parametrize("name", SETTINGS)
def test_the_variable_is_named_after_the_setting(name: str):
    assert SETTINGS[name].variable == f"HUBLET_{name.upper()}"


@pytest.mark.parametrize(
    "name, text, value",
    [
        ("loop", "selectors", "selectors"),
        ("resolver", "blocking", "blocking"),
        ("dns_cache_size", "50", 50),
        ("dns_cache_size", "0", 0),
        ("threadpool_size", "3", 3),
        ("threadpool_idle", "0.5", 0.5),
        ("threadpool_idle", "0", 0.0),
        ("chunk_cache", "0", False),
        ("chunk_cache", "Off", False),
        ("spawn_tree", "1", True),
        ("spawn_tree", "YES", True),
        ("spawn_tree", "on", True),
        ("spawn_tree", "false", False),
    ],
)
def test_the_environment_sets_it(config: Config, monkeypatch: pytest.MonkeyPatch, name: str, text: str, value: object):
    monkeypatch.setenv(SETTINGS[name].variable, text)

    assert getattr(config, name) == value


def test_an_empty_variable_is_none(config: Config, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HUBLET_THREADPOOL_SIZE", "")

    assert config.threadpool_size == SETTINGS["threadpool_size"].default


@pytest.mark.parametrize(
    "name, text",
    [
        ("threadpool_size", "many"),
        ("threadpool_size", "0"),
        ("threadpool_size", "1.5"),
        ("dns_cache_size", "-1"),
        ("threadpool_idle", "-1"),
        ("threadpool_idle", "nan"),
        ("threadpool_idle", "long"),
        ("chunk_cache", "2"),
        ("spawn_tree", "maybe"),
    ],
)
def test_what_cannot_be_understood_is_an_error_that_says_why(
    config: Config, monkeypatch: pytest.MonkeyPatch, name: str, text: str
):
    variable = SETTINGS[name].variable
    monkeypatch.setenv(variable, text)

    with pytest.raises(ValueError, match=f"{variable}='{text}' cannot be used") as caught:
        getattr(config, name)

    assert SETTINGS[name].meaning in str(caught.value)
    monkeypatch.setenv(variable, "")
    assert getattr(config, name) == SETTINGS[name].default


def test_an_error_about_a_switch_lists_the_known_values(config: Config, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HUBLET_SPAWN_TREE", "maybe")

    with pytest.raises(ValueError, match="known values: 1, true, yes, on, 0, false, no, off"):
        _ = config.spawn_tree


def test_it_is_read_once(config: Config, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HUBLET_LOOP", "selectors")
    assert config.loop == "selectors"

    monkeypatch.setenv("HUBLET_LOOP", "native")

    assert config.loop == "selectors"


def test_a_program_may_assign_it_before_and_after(config: Config, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HUBLET_LOOP", "selectors")
    config.loop = "pyuv"
    assert config.loop == "pyuv"

    config.loop = "native"
    assert config.loop == "native"


def test_an_unknown_setting_is_an_error_that_lists_the_known(config: Config):
    with pytest.raises(AttributeError, match="threadpool_size"):
        _ = config.nonsense
    with pytest.raises(AttributeError, match="threadpool_size"):
        config.nonsense = 1


def test_all_settings_are_listed(config: Config):
    assert dir(config) == sorted(SETTINGS)
