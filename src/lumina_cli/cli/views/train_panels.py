"""What is shown before a run and after it: the plan, and what it came to."""

import math
from dataclasses import asdict

from rich.console import Console
from rich.table import Table
from rich.text import Text

from lumina_cli.cli.console import plain, print_text
from lumina_cli.cli.formatting import counted, format_bytes, format_count, format_duration
from lumina_cli.cli.terminal.frame import facts_frame
from lumina_cli.cli.views.expectation import expectation
from lumina_cli.cli.views.finetune import finetuned_rows, forgetting_advice
from lumina_cli.cli.views.next_step import end_lines
from lumina_cli.core.model.memory_estimate import TrainingMemory
from lumina_cli.io.folders.run_names import REPORT
from lumina_cli.recipes.run.report import TrainReport
from lumina_cli.recipes.train.plan import Plan


def show_plan(console: Console, plan: Plan, *, sample_prompt: str | None) -> None:
    """Print what the run is going to do."""
    model, memory = plan.model, plan.memory
    rows = {
        "data": f"{', '.join(plan.data)} ({_documents(plan)})",
        "split": f"{format_count(plan.train.chars)} characters for training, "
        f"{format_count(plan.validation.chars)} for validation",
        "vocabulary": _vocabulary(plan),
        "model": f"{counted(model.num_layers, 'layer')}, {model.hidden_size} wide, "
        f"{counted(model.num_heads, 'head')}, context of "
        f"{round(model.seq_length * plan.chars_per_id)} characters",
        "parameters": format_count(plan.num_parameters),
        "memory": f"about {format_bytes(memory.total)} ({_memory_parts(memory)})",
        "device": f"{plan.device}, {plan.precision.name} ({plan.precision.why})",
        "steps": _steps_text(plan),
        "time": f"about {format_duration(plan.seconds)}",
        **({"to expect": told} if (told := expectation(plan)) else {}),
        "model file": str(plan.out),
        **({"privacy": plan.privacy} if plan.privacy else {}),
        **plan.more,
    }
    if sample_prompt is not None:
        rows["samples"] = f"after 1, 2, 4 … steps and every 20 seconds: {sample_prompt}"
    console.print(facts_frame(console, rows, title="plan", style="cyan"))


def _vocabulary(plan: Plan) -> str:
    text = f"{plan.vocab_size:,} ids, {plan.num_characters:,} of them characters"
    if plan.chars_per_id == 1:
        return text
    return f"{text}; an id stands for {plan.chars_per_id:.1f} characters on average"


def show_report(console: Console, report: TrainReport) -> None:
    """Print what the run came to, and how to go on."""
    why = {"patience": " (early stopping: the validation loss stopped improving)"}
    rows = {
        "steps": f"{report.steps:,}{why.get(report.stop_reason, '')} in "
        f"{format_duration(report.seconds)}, {report.chars_per_s:,.0f} characters a second",
        "memory": f"{format_bytes(report.peak_memory_bytes)} at most",
        "validation": _report_validation(report),
        **finetuned_rows(report),
        "saved": str(report.model),
        "what happened": str(report.run_folder / REPORT),
    }
    console.print(facts_frame(console, rows, title="done", style="green"))
    if report.starter_eval is not None:
        console.print(_starter_eval_table(report))
    if advice := forgetting_advice(report):
        console.print(plain(advice))
    for line in end_lines(report):
        print_text(console, line, style="bold")


def _starter_eval_table(report: TrainReport) -> Table:
    assert report.starter_eval is not None
    table = Table(title="held-out questions", title_justify="left", box=None)
    table.add_column("family")
    table.add_column("right", justify="right")
    table.add_column("share", justify="right")
    for score in report.starter_eval.families:
        share = score.num_right / score.num_questions
        right = f"{score.num_right} of {score.num_questions}"
        table.add_row(score.family, right, f"{share:.0%}")
    table.add_row(
        Text("all", style="bold"), "", Text(f"{report.starter_eval.share_right:.0%}", style="bold")
    )
    return table


def _documents(plan: Plan) -> str:
    conversations = plan.train.conversations + plan.validation.conversations
    texts = plan.train.texts + plan.validation.texts
    found = ((conversations, "conversation"), (texts, "text"))
    return " and ".join(counted(number, noun) for number, noun in found if number)


def _memory_parts(memory: TrainingMemory) -> str:
    return ", ".join(f"{name} {format_bytes(size)}" for name, size in asdict(memory).items())


def _steps_text(plan: Plan) -> str:
    if plan.steps is None:
        return f"as many as the time allows, {plan.steps_per_epoch:,} per epoch"
    epochs = plan.steps / plan.steps_per_epoch
    return f"{plan.steps:,} ({epochs:{',.1f' if epochs >= 0.1 else '.1g'}} epochs)"


def _report_validation(report: TrainReport) -> str:
    nats = report.best_nats_per_char
    if nats is None:
        return "no validation text"
    of_what = " (of what the bot says)" if report.is_of_replies else ""
    return f"{nats:.4f} nats a character, {nats / math.log(2):.4f} bits{of_what}"
