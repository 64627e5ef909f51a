"""A plan that gives one format to every unit, by the nearest codes, for `optiq quantize --plan`.

python -m tools.uniform_plan CHECKPOINT --format affine4g64 --out plan.json
python -m tools.uniform_plan CHECKPOINT --format affine4g64 --keep-experts --out plan.json
"""

import argparse
from pathlib import Path

from optiq_quant.baselines import uniform, uniform_rest
from optiq_quant.formats import parse_format
from optiq_quant.plan import Coding, Plan, PlannedUnit
from optiq_quant.survey import survey
from optiq_server.quantizer_host import quantizer_host
from optiq_server.settings import default_cache_folder


def main() -> None:
    parser = argparse.ArgumentParser(description="Write a plan of one format.")
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--format", type=parse_format, required=True, help="such as affine4g64")
    parser.add_argument("--keep-experts", action="store_true", help="native experts as they are")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE")
    options = parser.parse_args()
    found = survey(options.checkpoint, quantizer_host(default_cache_folder()))
    units = found.inventory.units
    formats = (uniform_rest if options.keep_experts else uniform)(units, options.format)
    planned = [
        PlannedUnit(
            path=unit.path,
            format=formats[unit.path],
            coding=Coding.KEPT if formats[unit.path] == unit.stored else Coding.NEAREST,
        )
        for unit in units
    ]
    plan = Plan(source=found.fingerprint, units=tuple(planned), evidence={})
    options.out.write_text(plan.to_json(), encoding="utf-8")


if __name__ == "__main__":
    main()
