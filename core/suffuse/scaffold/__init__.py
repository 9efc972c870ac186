"""New plugins: a package for a kind of data that installs, trains, generates and passes its checks as it is written.

:func:`new` writes it, from the templates of this folder, which are packages themselves but for their name. No network,
and nothing heavy is imported.
"""

from suffuse.scaffold.kinds import KINDS as KINDS
from suffuse.scaffold.kinds import Kind as Kind
from suffuse.scaffold.names import package_name as package_name
from suffuse.scaffold.write import new as new
from suffuse.scaffold.write import plan as plan

__all__ = ["KINDS", "Kind", "new", "package_name", "plan"]
