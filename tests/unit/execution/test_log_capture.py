"""The log of a quantum holds what was logged while it ran."""

from __future__ import annotations

import logging

from pantler.execution.log_capture import capture_log


def test_messages_at_info_and_above_are_kept_with_level_and_logger():
    log = logging.getLogger("pantler.task.test")
    log.info("before")
    with capture_log() as capture:
        log.debug("too fine")
        log.info("seeing %s", 1.5)
        log.warning("bad pixels")
    log.info("after")
    shown = [(e["level"], e["logger"], e["message"]) for e in capture.entries]
    assert shown == [
        ("INFO", "pantler.task.test", "seeing 1.5"),
        ("WARNING", "pantler.task.test", "bad pixels"),
    ]


def test_an_exception_is_kept_with_its_traceback():
    with capture_log() as capture:
        try:
            _ = 1 / 0
        except ZeroDivisionError:
            logging.getLogger("x").exception("failed")
    assert "ZeroDivisionError" in capture.entries[0]["exception"]


def test_capturing_leaves_the_root_logger_as_it_was():
    root = logging.getLogger()
    before = root.level, list(root.handlers), [h.level for h in root.handlers]
    with capture_log():
        pass
    assert before == (root.level, list(root.handlers), [h.level for h in root.handlers])


def test_what_a_task_does_to_the_loggers_ends_with_it():
    root, ours = logging.getLogger(), logging.getLogger("pantler.execution")
    task = logging.getLogger("pantler.task.test")
    before = root.level, list(root.handlers), list(root.filters)
    with capture_log("pantler.task.test"):
        root.addHandler(logging.NullHandler())
        root.addFilter(lambda _: False)
        root.setLevel(logging.CRITICAL)
        logging.disable(logging.CRITICAL)
        ours.disabled = task.disabled = True
        task.propagate = False
    assert before == (root.level, list(root.handlers), list(root.filters))
    assert root.manager.disable == 0
    assert not ours.disabled
    with capture_log("pantler.task.test") as capture:
        task.info("heard")
    assert [entry["message"] for entry in capture.entries] == ["heard"]


def test_a_log_without_end_is_cut(monkeypatch):
    monkeypatch.setattr("pantler.execution.log_capture._MOST_CHARACTERS", 1000)
    with capture_log() as capture:
        for number in range(50):
            logging.getLogger("x").info("line %d", number)
    assert len(capture.entries) < 20
    assert "more messages were left out" in capture.entries[-1]["message"]
