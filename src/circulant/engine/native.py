"""What the layers above may ask about the native core."""

from circulant.backends.native.core import InstructionSet as InstructionSet
from circulant.backends.native.core import instruction_set as instruction_set
from circulant.backends.native.core import is_available as is_available
from circulant.backends.native.core import why_missing as why_missing
from circulant.backends.native.memory import release_memory as release_memory
