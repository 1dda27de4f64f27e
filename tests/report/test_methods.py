"""What the page says of how its numbers were made."""

from __future__ import annotations

from r1ci.report.contenders import compare
from r1ci.report.data import Findings
from r1ci.report.sections import alerts
from r1ci.report.sections.methods import methods_data, methods_html


def test_software_detector_and_limits_are_those_in_use(findings: Findings) -> None:
    data = methods_data(compare(findings, None))
    assert data.software == ("r1ci 0.1.0", "torch 2.13.0", "transformers 5.19.0", "ray 2.60.0")
    html = methods_html(data)
    assert f"KL above {alerts.KL}," in html
    assert "Precision 91.0%, recall 50.0%" in html
