"""The documented names of the classes in `base.py`, with their types."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from logging import Logger
from typing import Any, ParamSpec, Self, TypeAlias, TypeVar

from comm.base_comm import BaseComm
from traitlets import HasTraits, TraitType

__all__ = ["Box", "Button", "Combobox", "DOMWidget", "Layout", "Output", "Text", "VBox", "Widget"]

_P = ParamSpec("_P")
_T = TypeVar("_T")
_Text: TypeAlias = TraitType[str | None, str | None]
_Entry: TypeAlias = dict[str, Any]

class Widget(HasTraits):
    comm: TraitType[BaseComm | None, BaseComm | None]
    keys: TraitType[list[str], list[str]]
    log: TraitType[Logger, Logger]
    def __init__(self, **kwargs: Any) -> None: ...
    @property
    def model_id(self) -> str | None: ...
    @classmethod
    def close_all(cls) -> None: ...
    @staticmethod
    def get_manager_state(
        drop_defaults: bool = False, widgets: Mapping[str, Widget] | None = None
    ) -> dict[str, Any]: ...
    @staticmethod
    def handle_comm_opened(comm: BaseComm, msg: dict[str, Any]) -> None: ...
    @classmethod
    def handle_control_comm_opened(cls, comm: BaseComm, msg: dict[str, Any]) -> None: ...
    @staticmethod
    def on_widget_constructed(callback: Callable[[Widget], object] | None) -> None: ...
    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, Any] | None: ...
    def open(self) -> None: ...
    def close(self) -> None: ...
    def send(self, content: Any, buffers: Sequence[bytes | memoryview] | None = None) -> None: ...
    def on_msg(self, callback: Callable[[Any, Any, Any], object], remove: bool = False) -> None: ...
    def send_state(self, key: str | Iterable[str] | None = None) -> None: ...
    def get_state(
        self, key: str | Iterable[str] | None = None, drop_defaults: bool = False
    ) -> dict[str, Any]: ...
    def set_state(self, sync_data: dict[str, Any]) -> None: ...
    def hold_sync(self) -> AbstractContextManager[None]: ...
    def get_view_spec(self) -> dict[str, str]: ...

class Layout(Widget):
    @property
    def border(self) -> str | None: ...
    @border.setter
    def border(self, border: str | None) -> None: ...
    align_content: _Text
    align_items: _Text
    align_self: _Text
    border_top: _Text
    border_right: _Text
    border_bottom: _Text
    border_left: _Text
    bottom: _Text
    display: _Text
    flex: _Text
    flex_flow: _Text
    height: _Text
    justify_content: _Text
    justify_items: _Text
    left: _Text
    margin: _Text
    max_height: _Text
    max_width: _Text
    min_height: _Text
    min_width: _Text
    overflow: _Text
    order: _Text
    padding: _Text
    right: _Text
    top: _Text
    visibility: _Text
    width: _Text
    object_fit: _Text
    object_position: _Text
    grid_auto_columns: _Text
    grid_auto_flow: _Text
    grid_auto_rows: _Text
    grid_gap: _Text
    grid_template_rows: _Text
    grid_template_columns: _Text
    grid_template_areas: _Text
    grid_row: _Text
    grid_column: _Text
    grid_area: _Text

class DOMWidget(Widget):
    layout: TraitType[Layout, Layout | Mapping[str, str | None]]
    tabbable: TraitType[bool | None, bool | None]
    tooltip: _Text
    def add_class(self, className: str) -> Self: ...  # noqa: N803
    def remove_class(self, className: str) -> Self: ...  # noqa: N803
    def focus(self) -> None: ...
    def blur(self) -> None: ...

class Box(DOMWidget):
    box_style: TraitType[str, str]
    children: TraitType[tuple[Widget, ...], Iterable[Widget]]
    def __init__(self, children: Iterable[Widget] = (), **kwargs: Any) -> None: ...

class VBox(Box): ...

class Button(DOMWidget):
    button_style: TraitType[str, str]
    description: TraitType[str, str]
    disabled: TraitType[bool, bool]
    icon: TraitType[str, str]
    style: TraitType[Widget, Widget | Mapping[str, str | None]]
    def click(self) -> None: ...
    def on_click(self, callback: Callable[[Button], object], remove: bool = False) -> None: ...

class Text(DOMWidget):
    continuous_update: TraitType[bool, bool]
    description: TraitType[str, str]
    disabled: TraitType[bool, bool]
    placeholder: TraitType[str, str]
    style: TraitType[Widget, Widget | Mapping[str, str | None]]
    value: TraitType[str, str]
    def __init__(self, *args: str, **kwargs: Any) -> None: ...

class Combobox(Text):
    ensure_option: TraitType[bool, bool]
    options: TraitType[tuple[str, ...], Iterable[str]]

class Output(DOMWidget):
    msg_id: TraitType[str, str]
    outputs: TraitType[tuple[_Entry, ...], Iterable[_Entry]]
    def __enter__(self) -> None: ...
    def __exit__(self, etype: Any, evalue: Any, tb: Any) -> bool | None: ...
    def append_display_data(self, display_object: object) -> None: ...
    def append_stderr(self, text: str) -> None: ...
    def append_stdout(self, text: str) -> None: ...
    def capture(
        self, clear_output: bool = False, *clear_args: bool, **clear_kwargs: bool
    ) -> Callable[[Callable[_P, _T]], Callable[_P, _T]]: ...
    def clear_output(self, *pargs: bool, **kwargs: bool) -> None: ...
