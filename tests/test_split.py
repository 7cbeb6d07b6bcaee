"""Sentences and chunks: a table of how English news is split, and properties of any text."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from index.documents import Chunk, Span
from index.split import LONG_QUOTATION, LONGEST_SENTENCE, Splitter, count_tokens, split_chunks, split_sentences

# Each row is the sentences of one paragraph; they are joined with a blank and must come apart again.
NEWS = (
    ("The U.S. said it would act.", "Others disagreed."),
    ("U.S. officials met in Doha.", "They left on Friday."),
    ("He was born in the U.S.", "He left at nine."),
    ("The U.S. Department of State declined to comment.", "Nobody else did."),
    ("The U.K. and the E.U. agreed.", "The U.N. did not."),
    ("In the U.K. Labour won.", "The U.S.-led talks ended."),
    ("The war began Oct. 7 — a Saturday.", "It goes on."),
    ("The war began Oct. 7 - a day nobody forgets.", "It goes on."),
    ("It opened on Aug. 16, 2024, in Doha.", "It closed on Jan. 31.", "The mediators went home."),
    ("Talks resumed in Sept. and ended in Dec. without a deal.", "They begin again."),
    ("Gen. Smith met Lt. Col. Brown and Sgt. Lee.", "Sen. Warren did not come."),
    ("Maj. Gen. Pat Ryder, Adm. John Kirby, Capt. Lee and Brig. Gen. Hall spoke.", "They left."),
    ("Dr. Jones told Mrs. Lee, Ms. Roy and Prof. Hall.", "Mr. X said no.", "He left."),
    ("Rep. Jim Jordan asked Gov. Hochul.", "Sen. Tim Scott and the Rev. Al Green agreed."),
    ("It was the envoy of Amb. Lee.", "Pres. Biden met Sec. Blinken."),
    ("She met Sen. Lindsey Graham, R-S.C.", "He left."),
    ("Apple Inc. rose 3%.", "Microsoft Corp. and Alphabet Inc. fell."),
    ("She works for Apple Inc.", "He works for Acme Ltd.", "They never met."),
    ("Toyota Motor Co. and Tata Steel Ltd. signed.", "Eni S.p.A. did not."),
    ("The Nasdaq Composite Inc. Index fell.", "Apple Inc.'s shares rose."),
    ("No. 10 declined to comment.", "The No. 2 official spoke instead.", "Nos. 3 and 4 left."),
    ("Would he stay?", "No.", "He would go."),
    ("It opened at 9:30 a.m. on Monday.", "It closed at 4 p.m. New York time."),
    ("At 10 a.m. ET he came.", "At 11 p.m. London time he left."),
    ("The vote ended at 5 p.m.", "The result came later."),
    ("It cost $3.5 billion, up 2.75% from £1.2 million.", "Shares fell 0.5 percent."),
    ("Some goods, e.g. Steel and i.e. Copper, are taxed.", "Others are not."),
    ("J. K. Rowling met J.R.R. Tolkien and George W. Bush.", "They ate."),
    ("Samuel L. Jackson spoke.", "John F. Kennedy listened."),
    ("He flew to St. Petersburg.", "She stayed in St. Louis."),
    ("The case is Roe vs. Wade.", "Another is Smith v. Jones."),
    ("They sold tea, rice, etc.", "And then they left."),
    ("They sold tea, rice, etc. at the market.", "Nobody came."),
    ("“We will see,” he said.", "“It is early.”", "She agreed."),
    ('"We will see," he said.', '"It is early."', "She agreed."),
    ("“I am not aware. It is early,” Leaf said.", "“We go on.”"),
    ("He called it “a critical starting-point.”", "Others were silent."),
    ('He called it "a critical starting-point."', "Others were silent."),
    ("“Will you go?” he asked.", "“Never!” she cried.", "He left."),
    ('"Will you go?" he asked.', '"Never!" she cried.', "He left."),
    ("“Will you go?” Biden asked.", "“No!” Mr. Hu said.", "“Why not?”", "Biden left."),
    ("‘Will you go?’ he asked.", "‘No.’", "She left."),
    ("He said it was ‘very near.’", "She doubted it."),
    ("“I want to be clear.", "It is near.", "We go on."),
    ("Israel’s cabinet met.", "Hamas’s did too.", "It wasn’t long."),
    ("Well ... it went on.", "It ended."),
    ("Well… it went on.", "It ended."),
    ("He thought about it...", "Then he left."),
    ("The deal (see p. 5 for the terms) was signed.", "It holds."),
    ("The deal was signed.", "(It was not the first.)", "It holds."),
    ("He came; he saw; he left.", "They stayed."),
    ("One thing is clear: Nobody knows.", "They guess."),
    ("Inflation was 3.2 percent.", "It had been 4.1 percent."),
    ("See https://www.example.com/a.b?c=d.", "It is long."),
    ("The report was on example.com on Monday.", "Amazon.com fell."),
    ("Write to jane.doe@example.co.uk.", "She answers."),
    ("He named (1) the price and (2) the date.", "She named (3) the place."),
    ("Israel sees war going on for months (1)",),
    ("It lasted a year.", "2024 was worse.", "45 people came."),
    ("She has a Ph.D. in physics.", "He has an M.A. from Yale."),
    ("Yahoo! Inc. was sold.", "Nobody cried."),
    ("Really?!", "Yes!!!", "He left."),
    ("Émile Zola était là.", "Ángel came.", "Örebro is far."),
    ("It worked 🎉.", "Nobody believed it 🙂.", "It did."),
    ("Israel and Hamas near a deal",),
    ("It began on Monday.", "It goes on without an end"),
    ("She lives in Washington, D.C., and works there.", "He came to Washington D.C. on Monday."),
    ("He met Ga. and Va. officials in Calif. and Fla.", "They left."),
    ("Jones et al. found it.", "Approx. 40 people and Fig. 3 agree."),
    ("See Vol. 2, Ch. 3 and Figs. 3 and 4.", "Sales est. at 5 million rose."),
    ("Robert F. Kennedy Jr. ran.", "Martin Luther King Jr. Day is a holiday."),
    ("She moved to Wall St. and then to 5th Ave. in May.", "He stayed."),
    ("It came at the end of May.", "Biden's proposal has three phases.", "In May, nothing."),
    ("LONDON, Aug. 16, 2024 (Reuters) - Talks went on.", "They ended."),
    ("More than 26,000 people died.", "About 1,200 were killed."),
    ("Version 2.0.1 is out.", "Python 3.11 is old."),
    ("“He [Sinwar] is hiding.”", "They said so."),
    ("He likes tea.", "iPhone sales fell."),
    ("He said.[1]", "She left.[2]", "They came."),
    ("World War I.", "He and I left."),
    ("1. The first point.", "II. The second."),
    ("هل غادر؟", "نعم، غادر."),
)

# Each row is a text and its sentences, where a border is more or less than a blank.
BLOCKS = (
    ("会谈继续。他离开了。", ("会谈继续。", "他离开了。")),
    ("「はい。」彼は言った。", ("「はい。」", "彼は言った。")),
    ("A headline\n\nThe talks\nwent on. They\nended.", ("A headline", "The talks\nwent on.", "They\nended.")),
    ("Goods:\n- tea\n- rice and\n  beans\n* salt", ("Goods:", "- tea", "- rice and\n  beans", "* salt")),
    ("1. Tea. Hot.\n2. Rice\n10. Salt", ("1. Tea. Hot.", "2. Rice", "10. Salt")),
    ("Do this:\n\n1. Shut it. Lock it.\n\n2. Go.", ("Do this:", "1. Shut it. Lock it.", "2. Go.")),
    ("- Shut it. Lock it.\n- " + "Go. " * 100, ("- Shut it. Lock it.", "- Go.", *["Go."] * 99)),
    ("1. Shut it. Lock it.\n\nIt is done.", ("1. Shut it.", "Lock it.", "It is done.")),
    (
        "A fire\nPublished: 2024-08-16\nIt burns\non. So it is.",
        ("A fire", "Published: 2024-08-16", "It burns\non.", "So it is."),
    ),
    ("At last he was\n45. He left.", ("At last he was\n45.", "He left.")),
    ("• tea\n• rice", ("• tea", "• rice")),
    ("## 1. Talks\n* A. Rice", ("## 1. Talks", "* A. Rice")),
    ("# Talks\nThey went on\n## War\nIt goes on", ("# Talks", "They went on", "## War", "It goes on")),
    ("| a | b |\n|---|---|\n| 1. | 2 |\nend", ("| a | b |", "|---|---|", "| 1. | 2 |", "end")),
    (" \n\t\n one \n \n two\u3000", ("one", "two")),
    ("#hashtag is\nno heading", ("#hashtag is\nno heading",)),
    ("", ()),
    (" \n\n", ()),
)


def sentences_of(text: str, start: int = 0) -> tuple[str, ...]:
    return tuple(span.slice(text) for span in split_sentences(text, start))


@pytest.mark.parametrize("sentences", NEWS, ids=lambda sentences: sentences[0][:30])
def test_news_is_split_at_its_sentences(sentences: tuple[str, ...]) -> None:
    assert sentences_of(" ".join(sentences)) == sentences


@pytest.mark.parametrize(("text", "sentences"), BLOCKS)
def test_no_sentence_crosses_a_block(text: str, sentences: tuple[str, ...]) -> None:
    assert sentences_of(text) == sentences


def test_splitting_starts_at_an_offset() -> None:
    assert sentences_of("date (Bloomberg) -- Talks go on. War too.", 20) == ("Talks go on.", "War too.")


def test_a_long_quotation_is_split_at_its_sentences() -> None:
    first = "“" + "We want to be clear. " * (LONG_QUOTATION // 20)
    text = f"{first}“Who?” he asked.” The end."
    assert sentences_of(text)[:2] == ("“We want to be clear.", "We want to be clear.")
    assert sentences_of(text)[-2:] == ("“Who?” he asked.”", "The end.")


def test_a_sentence_without_end_is_cut_at_a_word() -> None:
    sentences = sentences_of("word " * LONGEST_SENTENCE)
    assert len(sentences) > 1
    assert all(len(sentence) <= LONGEST_SENTENCE and sentence.endswith("word") for sentence in sentences)


# --- properties of any text ---

# Random characters alone seldom form a sentence, an abbreviation or a list.
FRAGMENTS = st.sampled_from(
    [*"“”\"'.!?()|#-* \n\t", "\n\n", ". ", "U.S. ", "He left. ", "1. ", "- ", "p.m. ", "🎉", "。"]
)
TEXTS = st.lists(FRAGMENTS | st.text(max_size=12) | st.text("ab ", max_size=80), max_size=60).map("".join)


def assert_covered(text: str, spans: list[Span], start: int = 0) -> None:
    """Nothing but white space stands before, between and behind the spans, and each is stripped."""
    end = start
    for span in spans:
        assert span.slice(text) == span.slice(text).strip() != ""
        assert text[end : span.start].strip() == ""
        end = max(end, span.end)
    assert text[end:].strip() == ""


@given(TEXTS, st.integers(0, 40))
@settings(max_examples=400, deadline=None)
def test_sentences_cover_the_text(text: str, start: int) -> None:
    spans = split_sentences(text, start)
    assert_covered(text, list(spans), start)
    assert all(before.end <= after.start for before, after in pairwise(spans))
    assert all("\n\n" not in span.slice(text) for span in spans)


def letters(text: str) -> int:
    """Stands for the embedder's tokenizer: every third character that is not white space is a piece."""
    return (len("".join(text.split())) + 2) // 3


def assert_chunked(text: str, chunks: tuple[Chunk, ...], splitter: Splitter, piece_limit: int) -> None:
    spans = [chunk.span for chunk in chunks]
    assert_covered(text, spans)
    assert all(before.start < after.start and before.end < after.end for before, after in pairwise(spans))
    for chunk in chunks:
        words = chunk.span.slice(text)
        assert chunk.tokens == count_tokens(words) <= splitter.chunk_tokens
        assert letters(words) <= piece_limit


@given(TEXTS, st.integers(8, 60), st.integers(0, 7), st.integers(8, 60), st.integers(0, 40))
@settings(max_examples=400, deadline=None)
def test_chunks_cover_the_text(text: str, size: int, overlap: int, piece_limit: int, body: int) -> None:
    splitter = Splitter(size, overlap)
    chunks = split_chunks(text, split_sentences(text, body), splitter, letters, piece_limit)
    assert_chunked(text, chunks, splitter, piece_limit)


@given(TEXTS, st.integers(8, 60))
@settings(max_examples=100, deadline=None)
def test_chunks_overlap_by_whole_sentences_at_most(text: str, size: int) -> None:
    sentences = split_sentences(text)
    chunks = split_chunks(text, sentences, Splitter(size, 6), letters, 100)
    starts = {span.start for span in sentences}
    for before, after in pairwise(chunks):
        if after.span.start < before.span.end:
            assert after.span.start in starts
            assert count_tokens(text[after.span.start : before.span.end]) <= 6


@given(TEXTS)
@settings(max_examples=100, deadline=None)
def test_chunks_end_where_a_sentence_does(text: str) -> None:
    sentences = split_sentences(text)
    ends = {span.end for span in sentences if count_tokens(span.slice(text)) <= 50}
    long = [span for span in sentences if count_tokens(span.slice(text)) > 50]
    for chunk in split_chunks(text, sentences, Splitter(50, 0), letters, 1000):
        assert chunk.span.end in ends or any(span.start < chunk.span.end <= span.end for span in long)


# --- chunks by example ---


def chunks_of(text: str, splitter: Splitter) -> list[str]:
    chunks = split_chunks(text, split_sentences(text), splitter, letters, 1000)
    return [chunk.span.slice(text) for chunk in chunks]


def test_a_chunk_ends_at_a_paragraph_when_the_next_does_not_fit() -> None:
    first, second = "One two three four. " * 3, "Five six seven eight. " * 3
    assert chunks_of(f"{first}\n\n{second}", Splitter(22, 0)) == [first.strip(), second.strip()]


def test_a_chunk_nearly_empty_goes_on_into_the_next_paragraph() -> None:
    text = "A headline\n\n" + "One two three four. " * 4
    assert chunks_of(text, Splitter(18, 0))[0].startswith("A headline\n\nOne two")


def test_short_last_sentences_are_repeated() -> None:
    text = "One two three four five six. Seven eight. Nine ten eleven twelve."
    assert chunks_of(text, Splitter(11, 4)) == [
        "One two three four five six. Seven eight.",
        "Seven eight. Nine ten eleven twelve.",
    ]


def test_a_long_sentence_is_cut_at_words() -> None:
    parts = chunks_of("word " * 100, Splitter(10, 0))
    assert {*" ".join(parts).split(" ")} == {"word"}
    assert len(parts) < 20


def test_what_precedes_the_sentences_is_in_the_first_chunk() -> None:
    text = " date 2024-08-16 (Bloomberg) -- Talks go on."
    (chunk,) = split_chunks(text, split_sentences(text, 32), Splitter(), letters, 100)
    assert chunk.span == Span(1, len(text))


HOSTILE = {
    "one word": "a" * 2_000_000,
    "newlines": "x\n" * 100_000,
    "blank lines": "x." + "\n" * 2_000_000 + "y.",
    "marks": "." * 2_000_000,
    "unclosed quotations": "“ " * 500_000,
    "initials": "A. " * 300_000,
    "spaces": ("x" + " " * 1_000) * 2_000,
    "emoji": "🎉" * 200_000,
}


@pytest.mark.slow
@pytest.mark.timeout(30)
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_text_takes_linear_time(name: str) -> None:
    text, splitter = HOSTILE[name], Splitter()
    assert_chunked(text, split_chunks(text, split_sentences(text), splitter, letters, 240), splitter, 240)


# --- tokens and sizes ---


@pytest.mark.parametrize(("text", "tokens"), [("", 0), ("hello world", 2), ("<|endoftext|>", 7), ("é🎉", 4)])
def test_tokens_are_counted_as_plain_text(text: str, tokens: int) -> None:
    assert count_tokens(text) == tokens


def test_long_text_is_counted_nearly_exactly() -> None:
    assert count_tokens("hello world " * 5_000) == pytest.approx(10_000, rel=0.001)


def test_identity_names_what_the_chunks_depend_on() -> None:
    assert Splitter().identity == "sentences-v2/cl100k_base/256+20"
    assert Splitter(100, 0).identity != Splitter(100, 1).identity


@pytest.mark.parametrize(("size", "overlap"), [(7, 0), (20, 20), (20, -1)])
def test_sizes_that_cannot_work_are_refused(size: int, overlap: int) -> None:
    with pytest.raises(ValueError, match="choose"):
        Splitter(size, overlap)


def test_a_piece_limit_that_cannot_work_is_refused() -> None:
    with pytest.raises(ValueError, match="'0'"):
        split_chunks("Talks go on.", (), Splitter(), letters, 0)
