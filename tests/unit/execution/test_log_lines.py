"""What tasks log reaches a terminal without steering it."""

from __future__ import annotations

import logging

import pytest

from pantler.execution.log_lines import safe_text
from pantler.execution.log_settings import LogSettings


@pytest.mark.parametrize("processes", [0, 1])
def test_control_characters_in_the_log_of_a_task_are_escaped(
    execute, made_pipeline, capfd, monkeypatch, processes
):
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    with LogSettings.parse(["info"]).applied():
        execute(
            made_pipeline(say="red \x1b[31m\r\u202e and\ttwo\nlines"),
            processes=processes,
        )
    said = capfd.readouterr().err
    assert "INFO pantler.task.source: red \\x1b[31m\\r\\u202e and\ttwo\nlines" in said
    assert "\x1b" not in said


def test_plain_text_stays_as_it_is():
    text = "Äpfel\tund\nBirnen: 5 Å"
    assert safe_text(text) == text
    assert safe_text("a\nb\tc") == "a\nb\tc"
    assert safe_text("a\x7f\x00\x9b") == "a\\x7f\\x00\\x9b"
