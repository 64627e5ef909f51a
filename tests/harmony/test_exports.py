import optiq_harmony
from optiq_harmony import conversation, errors, events


def test_exported_names_are_sorted_and_exist() -> None:
    # Constants come first, then classes, then functions: as ruff sorts __all__.
    names = optiq_harmony.__all__

    assert names == sorted(names, key=lambda name: (not name.isupper(), name[0].islower(), name))
    assert all(hasattr(optiq_harmony, name) for name in names)


def test_all_events_errors_and_conversation_types_are_exported() -> None:
    defined = {
        name
        for module in (conversation, errors, events)
        for name, value in vars(module).items()
        if not name.startswith("_") and getattr(value, "__module__", None) == module.__name__
    }

    assert defined <= set(optiq_harmony.__all__)
