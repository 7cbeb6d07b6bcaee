"""What can go wrong in an index.

IndexingError                   anything below; str(error) is one sentence for the user
├── ReadError                   a file that cannot become a document
│   ├── MissingFile
│   ├── EmptyDocument
│   ├── NotText                 binary content behind a text suffix
│   ├── UnknownFormat           no reader for the suffix
│   ├── TooLarge
│   └── EmptyFolder
├── IndexMissing                no index there
├── IndexMismatch               built by another embedder, splitter or schema
├── IndexDamaged                the store cannot be read
├── IndexLocked                 another process is writing
├── EmbedderUnavailable         the embedder's files are missing or damaged
├── ReaderUnavailable           the reader's files are missing or damaged
├── DocumentUnknown             no such document in the index
└── DocumentAmbiguous           several documents of that name in the index
"""


class IndexingError(Exception):
    """Anything that an index refuses, said in one sentence that names the value and the next step."""


class ReadError(IndexingError):
    """A file that cannot become a document."""


class MissingFile(ReadError):
    """The path does not exist or cannot be opened."""


class EmptyDocument(ReadError):
    """The file holds no text."""


class NotText(ReadError):
    """Binary content behind a text suffix."""


class UnknownFormat(ReadError):
    """No reader is known for the suffix."""


class TooLarge(ReadError):
    """The file is larger than the limit."""


class EmptyFolder(ReadError):
    """The folder holds no file that can be read."""


class IndexMissing(IndexingError):
    """There is no index at the path."""


class IndexMismatch(IndexingError):
    """The index was built by another embedder, splitter or schema."""


class IndexDamaged(IndexingError):
    """The store cannot be read."""


class IndexLocked(IndexingError):
    """Another process is writing to the index."""


class ReaderUnavailable(IndexingError):
    """The reader's files are missing or damaged."""


class EmbedderUnavailable(IndexingError):
    """The embedder's files are missing or damaged."""


class DocumentUnknown(IndexingError):
    """The index holds no such document."""


class DocumentAmbiguous(IndexingError):
    """The index holds several documents of that name, in different folders for one."""
