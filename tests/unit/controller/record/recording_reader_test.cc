#include "controller/record/recording_reader.h"

#include <set>

#include "tests/unit/controller/record/scripted_fleet.h"

namespace tcpfleet::controller {
namespace {

using testing::ElementsAre;
using testing::ElementsAreArray;
using testing::HasSubstr;
using tests::IsOk;
using tests::StatusIs;

class RecordingReaderTest : public RecordTest {
 protected:
  // The bytes of a recording and where its records begin; the last is the end of the file.
  std::string Recorded(const std::vector<v1::RecordingEntry>& entries) {
    Record(entries);
    std::string bytes = sys::ReadFile(path_).value();
    MemorySource source(bytes);
    RecordScanner scanner(source, 100);
    boundaries_.clear();
    for (auto found = scanner.NextHeader(); found->kind == RecordScanner::Found::Kind::kRecord;
         found = scanner.NextHeader()) {
      boundaries_.push_back(found->offset);
    }
    boundaries_.push_back(bytes.size());
    return bytes;
  }
  // Of the nth entry: the header comes before the first.
  size_t Begin(size_t entry) const { return boundaries_[entry + 1]; }

  std::vector<size_t> boundaries_;
};

std::vector<std::string> Kinds(const std::vector<v1::RecordingEntry>& entries) {
  std::vector<std::string> kinds;
  for (const v1::RecordingEntry& entry : entries) {
    kinds.push_back(entry.has_up()             ? "up"
                    : entry.has_down()         ? "down:" + entry.down().kind()
                    : entry.has_header()       ? "header"
                    : entry.frame().keyframe() ? "keyframe"
                                               : "frame");
  }
  return kinds;
}

TEST_F(RecordingReaderTest, GivesTheWholePrefixOfAFileCutAnywhere) {
  const std::vector<v1::RecordingEntry> entries = ScriptedEntries(9);
  const std::vector<std::string> all = Serialized(entries);
  const std::string bytes = Recorded(entries);
  for (size_t size = 0; size < bytes.size(); ++size) {
    const auto reader = ReaderOf(bytes.substr(0, size));
    if (size == 0) {
      EXPECT_THAT(reader, StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("empty")));
      continue;
    }
    ASSERT_THAT(reader, IsOk()) << size;
    size_t whole = 0;  // records
    while (boundaries_[whole + 1] <= size) ++whole;
    const size_t wanted = whole == 0 ? 0 : std::min(whole - 1, all.size());
    const std::vector<std::string> prefix(all.begin(),
                                          all.begin() + static_cast<ptrdiff_t>(wanted));
    ASSERT_THAT(Serialized(ReadAll(**reader)), ElementsAreArray(prefix)) << size;
    const RecordingCondition& condition = (*reader)->condition();
    EXPECT_FALSE(condition.finished) << size;
    const bool between = size == kFileMagic.size() || boundaries_[whole] == size;
    EXPECT_EQ(condition.whole(), between) << size;
    if (between) continue;
    EXPECT_THAT(condition.notes, ElementsAre(HasSubstr("middle of a record")));
  }
}

// Whatever single byte is wrong: nothing false is told, and what is told can be shown.
TEST_F(RecordingReaderTest, NeverTellsWhatWasNotRecorded) {
  const std::vector<v1::RecordingEntry> entries = ScriptedEntries(9);
  const std::vector<std::string> all = Serialized(entries);
  const std::set<std::string> recorded(all.begin(), all.end());
  const std::string bytes = Recorded(entries);
  for (size_t at = 0; at < bytes.size(); ++at) {
    std::string damaged = bytes;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x21);
    const auto reader = ReaderOf(damaged);
    ASSERT_THAT(reader, IsOk()) << at;
    size_t frames = 0;
    FleetTable table;
    for (const v1::RecordingEntry& entry : ReadAll(**reader)) {
      ASSERT_THAT(table.Apply(entry), IsOk()) << at;
      if (!entry.has_frame()) continue;
      ++frames;
      ASSERT_EQ(recorded.count(Serialized({entry}).front()), 1u) << at;
    }
    EXPECT_EQ((*reader)->condition().losses, 1u) << at;
    EXPECT_GE(frames, 1u) << at;
  }
}

TEST_F(RecordingReaderTest, AwaitsAKeyframeOfTheAgentThatLostAFrame) {
  const std::vector<v1::RecordingEntry> entries = ScriptedEntries(10);
  std::string bytes = Recorded(entries);
  // entries: up up, key key, frame frame, ...; the payload of a1's first difference
  bytes[Begin(5) + kRecordHeadBytes + 3] ^= 1;
  const auto reader = ReaderOf(bytes);
  ASSERT_THAT(reader, IsOk());
  const std::vector<v1::RecordingEntry> given = ReadAll(**reader);
  std::vector<v1::RecordingEntry> of_first;
  std::vector<v1::RecordingEntry> of_second;
  for (const v1::RecordingEntry& entry : given) {
    (entry.agent() == 0 ? of_first : of_second).push_back(entry);
  }
  EXPECT_EQ(of_first.size(), 11u);
  // It is lost until it goes down and comes back by itself.
  EXPECT_THAT(Kinds(of_second),
              ElementsAre("up", "keyframe", "down:lost", "down:died", "up", "keyframe", "frame"));
  EXPECT_EQ((*reader)->condition().useless_frames, 3u);
  EXPECT_THAT(
      (*reader)->condition().notes,
      ElementsAre(testing::AllOf(testing::StartsWith("test.tfr: byte " + std::to_string(Begin(5))),
                                 HasSubstr("after 2023-11-14T22:13:21"))));
}

TEST_F(RecordingReaderTest, GivesAnAgentAgainWithItsNextKeyframe) {
  ScriptedAgent agent(0);
  std::vector<v1::RecordingEntry> entries = {agent.Up(kBegin)};
  for (int i = 0; i < 62; ++i) entries.push_back(agent.Frame(kBegin + i * kSecond));
  std::string bytes = Recorded(entries);
  bytes[Begin(3)] ^= 1;  // of the record header: nobody knows whose it was
  const auto reader = ReaderOf(bytes);
  ASSERT_THAT(reader, IsOk());
  EXPECT_THAT(Kinds(ReadAll(**reader)),
              ElementsAre("up", "keyframe", "frame", "down:lost", "up", "keyframe", "frame"));
}

TEST_F(RecordingReaderTest, NamesAnAgentWhoseNameIsLost) {
  ScriptedAgent agent(3);
  std::string bytes = Recorded({agent.Up(kBegin), agent.Frame(kBegin)});
  bytes[Begin(0)] ^= 1;
  const auto reader = ReaderOf(bytes);
  ASSERT_THAT(reader, IsOk());
  const std::vector<v1::RecordingEntry> given = ReadAll(**reader);
  ASSERT_THAT(Kinds(given), ElementsAre("up", "keyframe"));
  EXPECT_EQ(given[0].up().name(), "agent-3");
}

TEST_F(RecordingReaderTest, SkipsWhatANewerMinorVersionAdded) {
  const std::vector<v1::RecordingEntry> entries = ScriptedEntries(3);
  std::string bytes = Recorded(entries);
  std::string unknown;
  AppendRecord(EntryAt(kBegin, 0), static_cast<RecordType>(77), 0, unknown);
  bytes.insert(Begin(4), unknown);
  const auto reader = ReaderOf(bytes);
  ASSERT_THAT(reader, IsOk());
  EXPECT_THAT(Serialized(ReadAll(**reader)), ElementsAreArray(Serialized(entries)));
  EXPECT_TRUE((*reader)->condition().whole());
  EXPECT_EQ((*reader)->condition().unknown_records, 1u);
}

TEST_F(RecordingReaderTest, OpensANewerMinorAndRefusesANewerMajorVersion) {
  for (const uint32_t major : {kFormatMajor, kFormatMajor + 1}) {
    v1::RecordingEntry header;
    header.mutable_header()->set_format_major(major);
    header.mutable_header()->set_format_minor(9);
    header.mutable_header()->set_controller_version("7.0.0");
    std::string bytes(kFileMagic.data(), kFileMagic.size());
    AppendRecord(header, RecordType::kHeader, 0, bytes);
    const auto reader = ReaderOf(bytes);
    if (major == kFormatMajor) {
      EXPECT_THAT(reader, IsOk());
    } else {
      EXPECT_EQ(reader.status(),
                absl::InvalidArgumentError("test.tfr: a recording of format 2.9, written by "
                                           "tcpfleet 7.0.0; this one reads 1.x"));
    }
  }
}

TEST_F(RecordingReaderTest, RefusesWhatIsNoRecording) {
  EXPECT_THAT(ReaderOf("hello"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("not a tcpfleet recording")));
  EXPECT_THAT(ReaderOf(std::string(3 << 20, 'x')), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(RecordingReader::Open("/nonexistent/x.tfr"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("/nonexistent/x.tfr")));
  EXPECT_THAT(RecordingReader::Open(directory_->path()),
              StatusIs(absl::StatusCode::kFailedPrecondition));
}

TEST_F(RecordingReaderTest, FindsItsWayBehindAMissingPart) {
  const std::vector<v1::RecordingEntry> entries = ScriptedEntries(40);
  Record(entries, {.path = path_, .rotate_every = absl::Seconds(7), .header = {}});
  ASSERT_EQ(::remove((directory_->path() + "/web.000003.tfr").c_str()), 0);
  const auto reader = RecordingReader::Open(path_);
  ASSERT_THAT(reader, IsOk());
  const std::vector<v1::RecordingEntry> given = ReadAll(**reader);
  EXPECT_EQ(PictureOf(given), PictureOf(entries));
  EXPECT_THAT((*reader)->condition().notes,
              ElementsAre(HasSubstr("it is part 4, and the one before is 2")));
}

TEST_F(RecordingReaderTest, FindsItsWayBehindAPartThatWasCut) {
  const std::vector<v1::RecordingEntry> entries = ScriptedEntries(40);
  Record(entries, {.path = path_, .rotate_every = absl::Seconds(7), .header = {}});
  const std::string part = directory_->path() + "/web.000003.tfr";
  std::string bytes = sys::ReadFile(part).value();
  bytes.resize(bytes.size() / 2);
  ASSERT_THAT(sys::WriteFile(part, bytes), IsOk());
  const auto reader = RecordingReader::Open(path_);
  ASSERT_THAT(reader, IsOk());
  EXPECT_EQ(PictureOf(ReadAll(**reader)), PictureOf(entries));
  EXPECT_THAT((*reader)->condition().notes,
              ElementsAre(HasSubstr("middle of a record"), HasSubstr("another part follows")));
}

}  // namespace
}  // namespace tcpfleet::controller
