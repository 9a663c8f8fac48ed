"""What one pass over the files holds: who reads them, who changes their texts, and what waits."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from lumina_cli.conversation import Conversation, Document
from lumina_cli.data.chats.anonymize import Anonymizer
from lumina_cli.data.chats.reader import ChatReader
from lumina_cli.data.checkpoints import Checkpoint, State
from lumina_cli.data.config import DataConfig
from lumina_cli.data.oasst.message_table import MessageTable
from lumina_cli.data.oasst.trees import conversations_of_trees
from lumina_cli.data.report import LocatedDocument, Location, ReadReport
from lumina_cli.data.row_converter import RowConverter
from lumina_cli.data.strip.stripper import Stripper
from lumina_cli.data.text_repair import TextRepair
from lumina_cli.data.uniform.blocks import UniformBlocks
from lumina_cli.tokenizer.document_batch import DocumentBatch, in_batches


@dataclass(frozen=True)
class Pass:
    """One pass over the files; see `begun`."""

    config: DataConfig
    report: ReadReport
    trees: MessageTable
    converter: RowConverter
    uniform: UniformBlocks
    chats: ChatReader
    repair: TextRepair
    stripper: Stripper
    anonymizer: Anonymizer | None

    @property
    def holds_documents(self) -> bool:
        """Whether what was read only becomes documents with what is still to come."""
        waits = self.trees or self.chats.has_begun or self.converter.holds_rows
        return bool(waits or self.anonymizer)

    def place(self, at: Checkpoint, met: int) -> State | None:
        """Return where in a file reading goes on; so much was met before that file."""
        text = at.state()
        return text and {"text": text, "stripper": self.stripper.state(), "met": met}

    def documents(
        self, located: Iterable[LocatedDocument], *, in_rows: bool = False
    ) -> Iterator[Document]:
        """Yield documents repaired, and cut after the last reply if anything is left."""
        for location, document in self.stripper.documents(located, in_rows=in_rows):
            kept: Document | None = self.repair.document(document, location=location)
            if kept and self.anonymizer:
                kept = self.anonymizer.document(kept, location=location)
            if isinstance(kept, Conversation):
                num_messages = len(kept.messages)
                kept = _cut_after_last_reply(kept)
                if num_cut := num_messages - (len(kept.messages) if kept else 0):
                    self.report.left_out.add("no reply follows it", location, count=num_cut)
            if kept:
                yield kept

    def finish(self, path: Path) -> Iterator[DocumentBatch]:
        """Yield what waited for the last file: of chats and of trees, told of as in `path`."""
        config = self.config
        yield from in_batches(self.documents(self.chats.finish()))
        of_trees = conversations_of_trees(
            self.trees, lang=config.oasst_lang, paths=config.oasst_paths, report=self.report
        )
        if self.anonymizer or config.stripped:
            of_trees = in_batches(self._of_trees(of_trees, Location(path)))
        yield from of_trees

    def _of_trees(self, batches: Iterable[DocumentBatch], at: Location) -> Iterator[Document]:
        """Yield the documents of trees, changed as the settings say."""
        located = ((at, each) for batch in batches for each in batch.documents())
        for _, each in self.stripper.documents(located, in_rows=True):
            yield self.anonymizer.document(each, location=at) if self.anonymizer else each


@contextmanager
def begun(
    config: DataConfig, *, report: ReadReport, speakers: Callable[[], Counter[str]]
) -> Iterator[Pass]:
    """Begin a pass over the files.

    Args:
        config: how they are read.
        report: what is met is counted here.
        speakers: counts who speaks in the chats among them.
    """
    repair = TextRepair(mojibake=config.fix_mojibake, report=report)
    anonymizer = Anonymizer(speakers(), report=report) if config.anonymize else None
    with MessageTable() as trees:
        converter = RowConverter(config, trees=trees, repair=repair, report=report)
        yield Pass(
            config,
            report,
            trees,
            converter,
            UniformBlocks(config, read_alone=converter.read_alone, trees=trees, report=report),
            ChatReader(config, report=report, speakers=speakers),
            repair,
            Stripper(config.stripped, report=report),
            anonymizer,
        )


def _cut_after_last_reply(conversation: Conversation) -> Conversation | None:
    """Return a conversation up to the bot's last message; None where the bot says nothing.

    Nothing can be learnt from a question without a reply.
    """
    messages = conversation.messages
    end = len(messages)
    while end and messages[end - 1].role != "bot":
        end -= 1
    if end == len(messages):
        return conversation
    return Conversation(messages[:end], group=conversation.group) if end else None
