"""`optiq quantize` from end to end: measure, choose, code, write, and show what came of it.

Each stage is a module of its own; here they are put in order, and each begins where the last run left off.
"""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import mlx.core as mx

from optiq_quant.baselines import baselines_of
from optiq_quant.budget import Budget
from optiq_quant.calibration_text import CalibrationText, Extent, Part, shipped_text, text_of_file
from optiq_quant.candidates import Candidates
from optiq_quant.choosing import Chosen, SelectingPart, choose
from optiq_quant.compare import compare_models
from optiq_quant.convert import Conversion, convert, write_card
from optiq_quant.divergence_summary import summarize
from optiq_quant.evidence import Evidence, measure_baselines
from optiq_quant.formats import Format
from optiq_quant.host import Host
from optiq_quant.journal import Journal
from optiq_quant.layerwise import LayerwiseModel
from optiq_quant.measurements import MeasuredAllocation, Measurements
from optiq_quant.model_card import Card
from optiq_quant.plan import Coding, Plan, PlannedUnit
from optiq_quant.pricing import price
from optiq_quant.progress import Reporter
from optiq_quant.sensitivity import SensitivityOptions
from optiq_quant.survey import Survey, survey
from optiq_quant.workspace import Workspace, open_workspace
