"""What a network sees of a window: standardized numbers, and which of them are there."""

from dataclasses import dataclass

from suffuse.codecs import ArrayCodec
from suffuse.errors import DomainInputError
from suffuse.tables import Table


@dataclass(frozen=True)
class WindowCodec(ArrayCodec):
    sensors: tuple[str, ...] = ()

    def array(self, item):
        if getattr(item, "names", None) != self.sensors:
            raise DomainInputError("is no table of these sensors", field="items", expected=self.sensors, got=item)
        return item.values

    def item(self, array):
        return Table(self.sensors, array)
