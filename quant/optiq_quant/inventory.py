"""What a checkpoint holds: its units, the tensors that no plan changes, and the bytes that any plan comes to.

It reads names, shapes and types of a model whose arrays are still lazy; none is evaluated.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

import mlx.core as mx
from mlx.nn.layers.base import Module
from mlx.utils import tree_flatten

from optiq_quant.errors import CheckpointUnusable, PlanRejected
from optiq_quant.formats import Format, Mode
from optiq_quant.modules import is_embedding, is_expert, stored_format, unit_modules, weight_shape
from optiq_quant.plan import Coding, Plan
from optiq_quant.roles import layer_of, role_of
from optiq_quant.tensor_layout import DEFAULT_SHARD_BYTES, ShardLayout, TensorSpec, lay_out
from optiq_quant.units import Role, Unit

_ACTIVE_EXPERTS = ("num_experts_per_tok", "experts_per_token", "num_experts_per_token", "moe_top_k", "top_k")
"""How config.json names the number of experts that a token goes through."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inventory:
    """`units` in the model's order; `stored` the tensors of each as the source has them, by path; `others`
    all that is in no unit (norms, biases, sinks), as it is written. `dtype` is the float, of 16 bits, in
    which scales and biases of newly coded units are written.
    """

    units: tuple[Unit, ...]
    stored: Mapping[str, tuple[TensorSpec, ...]]
    others: tuple[TensorSpec, ...]
    dtype: str

    def by_path(self) -> dict[str, Unit]:
        return {unit.path: unit for unit in self.units}

    @property
    def parameters(self) -> int:
        return sum(unit.parameters for unit in self.units) + sum(each.elements for each in self.others)

    @property
    def other_bytes(self) -> int:
        """Bytes of all that is in no unit."""
        return sum(tensor.bytes for tensor in self.others)

    def stored_formats(self) -> dict[str, Format]:
        """The source's own formats, by path."""
        return {unit.path: unit.stored for unit in self.units}

    def total_bytes(self, formats: Mapping[str, Format]) -> int:
        """Bytes of all weights, headers of files not counted, if each unit had the format named for it."""
        return self.other_bytes + sum(unit.bytes(formats[unit.path]) for unit in self.units)

    def decode_bytes(self, formats: Mapping[str, Format]) -> int:
        """Bytes of weights that one decoded token reads: of experts and embeddings the share that is used."""
        shares = {unit.path: unit for unit in self.units if unit.shape[2:]}
        read = sum(unit.decode_bytes(formats[unit.path]) for unit in self.units)
        for tensor in self.others:
            unit = shares.get(tensor.name.rpartition(".")[0])
            numerator, denominator = (1, 1) if unit is None else (unit.read_numerator, unit.read_denominator)
            read += -(-tensor.bytes * numerator // denominator)
        return read

    def bits_per_weight(self, formats: Mapping[str, Format]) -> float:
        """Of the whole model: every byte, scales, biases and norms included, over every parameter."""
        return 8 * self.total_bytes(formats) / self.parameters

    def allocated_bits_per_weight(self, formats: Mapping[str, Format]) -> float:
        """The mean of the nominal bits (no scales) over the linears that are neither experts nor embedding.

        It is the figure that some model cards call bits per weight; it says nothing of a file's size.
        """
        counted = [unit for unit in self.units if unit.role is not Role.EMBEDDING and not unit.shape[2:]]
        if not counted:
            raise CheckpointUnusable("the checkpoint has no linear layer outside its experts")
        bits = sum(formats[unit.path].bits * unit.parameters for unit in counted)
        return bits / sum(unit.parameters for unit in counted)

    def check(self, plan: Plan) -> None:
        """Raises PlanRejected, naming the unit, where the plan cannot be carried out on this checkpoint."""
        planned = plan.by_path()
        missing = [unit.path for unit in self.units if unit.path not in planned]
        unknown = [path for path in planned if path not in self.stored]
        if missing or unknown:
            problem = f"does not name {missing[0]}" if missing else f"names {unknown[0]}, which is no unit"
            raise PlanRejected(f"the plan {problem}; it must name each unit of the checkpoint once")
        for unit in self.units:
            choice = planned[unit.path]
            if choice.coding is Coding.KEPT and choice.format != unit.stored:
                raise PlanRejected(
                    f"{unit.path}: kept means {unit.stored.name}, the source's format, "
                    f"and the plan says {choice.format.name}"
                )
            if not choice.format.fits(unit.shape):
                raise PlanRejected(f"{unit.path}: {choice.format.name} does not fit its shape {unit.shape}")

    def tensors(self, unit: Unit, form: Format, coding: Coding) -> tuple[TensorSpec, ...]:
        """What is written for a unit."""
        if coding is Coding.KEPT:
            return self.stored[unit.path]
        return _coded_tensors(unit, form, self.dtype)

    def layout(self, plan: Plan, *, shard_bytes: int = DEFAULT_SHARD_BYTES) -> tuple[ShardLayout, ...]:
        """The files that are written for a plan. Raises PlanRejected."""
        self.check(plan)
        planned = plan.by_path()
        groups = [
            self.tensors(unit, planned[unit.path].format, planned[unit.path].coding) for unit in self.units
        ]
        return lay_out([*groups, *((tensor,) for tensor in self.others)], shard_bytes)

    def predicted_file_bytes(self, plan: Plan, *, shard_bytes: int = DEFAULT_SHARD_BYTES) -> int:
        """Bytes of all safetensors files that are written for a plan, to the byte. Raises PlanRejected."""
        return sum(shard.bytes for shard in self.layout(plan, shard_bytes=shard_bytes))


def take_inventory(model: Module, config: Mapping[str, object]) -> Inventory:
    """The inventory of a model as it was loaded, and of its config.json. Raises CheckpointUnusable."""
    modules = unit_modules(model)
    if not modules:
        raise CheckpointUnusable("the model has no linear layer or embedding that could be quantized")
    tensors = {name: _spec(name, array) for name, array in dict(tree_flatten(model.parameters())).items()}
    stored = {path: tuple(_stored_tensors(path, tensors)) for path in modules}
    in_units = {tensor.name for group in stored.values() for tensor in group}
    dtype, widened = _float_dtype(tensors.values())
    others = [tensor for name, tensor in tensors.items() if name not in in_units]
    return Inventory(
        units=tuple(_units(modules, config)),
        stored=stored,
        others=tuple(_narrowed(tensor, dtype) if widened else tensor for tensor in others),
        dtype=dtype,
    )


def _units(modules: Mapping[str, Module], config: Mapping[str, object]) -> Iterator[Unit]:
    roles = {
        path: role_of(path, is_expert=is_expert(module), is_embedding=is_embedding(module))
        for path, module in modules.items()
    }
    is_tied = Role.HEAD not in roles.values()
    active = next((config[name] for name in _ACTIVE_EXPERTS if isinstance(config.get(name), int)), None)
    for path, module in modules.items():
        shape = weight_shape(module)
        read = 1, 1
        if is_embedding(module) and not is_tied:
            read = 1, shape[0]
        elif is_expert(module) and isinstance(active, int):
            read = min(active, shape[0]), shape[0]
        yield Unit(
            path=path,
            role=roles[path],
            layer=layer_of(path),
            shape=shape,
            stored=stored_format(module),
            read_numerator=read[0],
            read_denominator=read[1],
        )


def _stored_tensors(path: str, tensors: Mapping[str, TensorSpec]) -> Iterator[TensorSpec]:
    for part in ("weight", "scales", "biases"):
        if f"{path}.{part}" in tensors:
            yield tensors[f"{path}.{part}"]


def _coded_tensors(unit: Unit, form: Format, dtype: str) -> tuple[TensorSpec, ...]:
    """As MLX's quantize makes them: codes in whole words, and scales (and biases) by group."""
    *rows, columns = unit.shape
    if form.mode is Mode.DENSE:
        return (TensorSpec(name=f"{unit.path}.weight", dtype=form.dtype, shape=unit.shape),)
    groups = (*rows, columns // form.group_size)
    codes = TensorSpec(name=f"{unit.path}.weight", dtype="uint32", shape=(*rows, columns * form.bits // 32))
    if form.mode is not Mode.AFFINE:
        return codes, TensorSpec(name=f"{unit.path}.scales", dtype="uint8", shape=groups)
    parts = (
        TensorSpec(name=f"{unit.path}.{part}", dtype=dtype, shape=groups) for part in ("scales", "biases")
    )
    return codes, *parts


def _spec(name: str, array: mx.array) -> TensorSpec:
    try:
        return TensorSpec(name=name, dtype=str(array.dtype).rpartition(".")[2], shape=tuple(array.shape))
    except ValueError as error:
        raise CheckpointUnusable(str(error)) from error


def _float_dtype(tensors: Iterable[TensorSpec]) -> tuple[str, bool]:
    """The 16-bit float that most of the checkpoint has, and whether it has 32-bit floats only."""
    counts = dict.fromkeys(("bfloat16", "float16"), 0)
    for tensor in tensors:
        if tensor.dtype in counts:
            counts[tensor.dtype] += tensor.elements
    return max(counts, key=lambda dtype: counts[dtype]), not any(counts.values())


def _narrowed(tensor: TensorSpec, dtype: str) -> TensorSpec:
    return replace(tensor, dtype=dtype) if tensor.dtype == "float32" else tensor
