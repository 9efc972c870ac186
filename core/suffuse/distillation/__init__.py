r"""Distillation: a model that samples in one to a few steps, out of one that needs twenty.

The method is *multistep consistency distillation* (Heek, Hoogeboom & Salimans 2024). The teacher's probability-flow ODE
is cut at the times of the student's grid (:mod:`~suffuse.distillation.segments`). Within each segment the student
learns a consistency function: wherever on the flow it is asked, its belief leads, by one DDIM step, to where the flow
leaves the segment. What it is trained on is one short step of the teacher (:mod:`~suffuse.distillation.teacher`)
followed by its own belief from there (:mod:`~suffuse.distillation.target`). With one segment this is consistency
distillation (Song et al. 2023).

The student keeps the teacher's network, and needs no other sampler than DDIM.
"""

from suffuse.distillation.criterion import MultistepConsistency
from suffuse.distillation.segments import Piece, Segments
from suffuse.distillation.student import METHOD, make_criterion, student_recipe
from suffuse.distillation.target import aim, consistent_end
from suffuse.distillation.teacher import FlowStep, TeacherStep, read_teacher

__all__ = [
    "METHOD",
    "FlowStep",
    "MultistepConsistency",
    "Piece",
    "Segments",
    "TeacherStep",
    "aim",
    "consistent_end",
    "make_criterion",
    "read_teacher",
    "student_recipe",
]
