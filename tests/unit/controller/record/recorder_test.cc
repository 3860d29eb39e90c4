#include "controller/record/recorder.h"

#include <sys/resource.h>

#include <csignal>
#include <filesystem>

#include "tests/unit/controller/record/scripted_fleet.h"

namespace tcpfleet::controller {
namespace {

using testing::ElementsAreArray;
using testing::HasSubstr;
using tests::IsOk;
using tests::IsOkAndHolds;
using tests::StatusIs;

using RecorderTest = RecordTest;

std::vector<std::string> FilesIn(const std::string& directory) {
  std::vector<std::string> names;
  for (const auto& file : std::filesystem::directory_iterator(directory)) {
    names.push_back(file.path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

TEST_F(RecorderTest, KeepsEveryEntryBitForBit) {
  const std::vector<v1::RecordingEntry> entries = ScriptedEntries(70);
  RecorderOptions options;
  options.header.set_filter("dport = :443");
  options.header.set_interval_ms(1000);
  Record(entries, options);
  const auto reader = RecordingReader::Open(path_);
  ASSERT_THAT(reader, IsOk());
  EXPECT_EQ((*reader)->header().filter(), "dport = :443");
  EXPECT_EQ((*reader)->header().part(), 1u);
  EXPECT_THAT(Serialized(ReadAll(**reader)), ElementsAreArray(Serialized(entries)));
  EXPECT_TRUE((*reader)->condition().whole());
  EXPECT_TRUE((*reader)->condition().finished);
}

TEST_F(RecorderTest, LeavesEverythingWhenItIsKilled) {
  const std::vector<v1::RecordingEntry> entries = ScriptedEntries(10);
  const std::unique_ptr<Recorder> recorder = NewRecorder();
  for (const v1::RecordingEntry& entry : entries) ASSERT_THAT(recorder->Append(entry), IsOk());
  const auto reader = RecordingReader::Open(path_);  // the recorder has not finished
  ASSERT_THAT(reader, IsOk());
  EXPECT_THAT(Serialized(ReadAll(**reader)), ElementsAreArray(Serialized(entries)));
  EXPECT_TRUE((*reader)->condition().whole());
  EXPECT_FALSE((*reader)->condition().finished);
}

TEST_F(RecorderTest, RefusesAFileThatIsThere) {
  ASSERT_THAT(sys::WriteFile(path_, "precious"), IsOk());
  EXPECT_THAT(Recorder::Create({.path = path_, .header = {}}, absl::Now()),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("exists already")));
  EXPECT_THAT(sys::ReadFile(path_), IsOkAndHolds("precious"));
  Record(ScriptedEntries(2), {.path = path_, .overwrite = true, .header = {}});
  EXPECT_EQ(ReadAll(path_).size(), 6u);
}

TEST_F(RecorderTest, RefusesAFileSomebodyRecordsTo) {
  const std::unique_ptr<Recorder> recorder = NewRecorder();
  EXPECT_THAT(Recorder::Create({.path = path_, .overwrite = true, .header = {}}, absl::Now()),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("somebody else")));
  EXPECT_THAT(recorder->Finish(), IsOk());
}

TEST_F(RecorderTest, RotatesBySizeWithoutLosingAnEntry) {
  const std::vector<v1::RecordingEntry> entries = ScriptedEntries(40);
  Record(entries, {.path = path_, .rotate_bytes = 2500, .header = {}});
  const std::vector<std::string> files = FilesIn(directory_->path());
  ASSERT_GE(files.size(), 3u);
  EXPECT_EQ(files[0], "web.000001.tfr");
  for (const std::string& file : files) {
    EXPECT_LE(std::filesystem::file_size(directory_->path() + "/" + file), 2500u + 40);
  }
  EXPECT_THAT(Serialized(ReadAll(path_)), ElementsAreArray(Serialized(entries)));
}

TEST_F(RecorderTest, EveryPartCanBeReadAlone) {
  const std::vector<v1::RecordingEntry> entries = ScriptedEntries(40);
  Record(entries, {.path = path_, .rotate_every = absl::Seconds(7), .header = {}});
  EXPECT_EQ(FilesIn(directory_->path()).size(), 6u);
  for (int part = 1; part <= 6; ++part) {
    const std::vector<v1::RecordingEntry> alone =
        ReadAll(directory_->path() + "/web.00000" + std::to_string(part) + ".tfr");
    const int64_t last = kBegin + std::min(part * 7 - 1, 39) * kSecond;
    EXPECT_EQ(PictureOf(alone), PictureOf(entries, last)) << "part " << part;
  }
}

TEST_F(RecorderTest, KeepsTheNewestParts) {
  const std::vector<v1::RecordingEntry> entries = ScriptedEntries(40);
  Record(entries, {.path = path_, .rotate_every = absl::Seconds(7), .keep_parts = 2, .header = {}});
  EXPECT_THAT(FilesIn(directory_->path()),
              testing::ElementsAre("web.000005.tfr", "web.000006.tfr"));
  EXPECT_EQ(PictureOf(ReadAll(path_)), PictureOf(entries));
}

TEST_F(RecorderTest, ReplacesAllPartsOfAnEarlierRecording) {
  Record(ScriptedEntries(40), {.path = path_, .rotate_every = absl::Seconds(7), .header = {}});
  const RecorderOptions again{.path = path_, .rotate_every = absl::Hours(1), .header = {}};
  EXPECT_THAT(Recorder::Create(again, absl::Now()),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("web.000001.tfr")));
  RecorderOptions replacing = again;
  replacing.overwrite = true;
  const std::unique_ptr<Recorder> recorder = NewRecorder(replacing);
  EXPECT_THAT(FilesIn(directory_->path()), testing::ElementsAre("web.000001.tfr"));
  EXPECT_THAT(Recorder::Create(replacing, absl::Now()),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("somebody else")));
}

TEST_F(RecorderTest, StopsWhenTheDiskIsFullAndKeepsWhatIsThere) {
  const auto signal_before = std::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const std::unique_ptr<Recorder> recorder = NewRecorder();
  const rlimit small{.rlim_cur = 2000, .rlim_max = before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  const std::vector<v1::RecordingEntry> entries = ScriptedEntries(40);
  size_t written = 0;
  absl::Status status;
  while (written < entries.size() && (status = recorder->Append(entries[written])).ok()) ++written;
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  (void)std::signal(SIGXFSZ, signal_before);
  ASSERT_LT(written, entries.size());
  EXPECT_THAT(status.message(), HasSubstr("recording stopped: " + path_));
  EXPECT_THAT(status.message(), HasSubstr(std::to_string(written) + " entries are kept"));
  EXPECT_EQ(recorder->Append(entries[0]), status);
  EXPECT_EQ(recorder->Finish(), status);

  const auto reader = RecordingReader::Open(path_);
  ASSERT_THAT(reader, IsOk());
  EXPECT_THAT(Serialized(ReadAll(**reader)),
              ElementsAreArray(Serialized(
                  {entries.begin(), entries.begin() + static_cast<ptrdiff_t>(written)})));
  EXPECT_TRUE((*reader)->condition().whole());
}

}  // namespace
}  // namespace tcpfleet::controller
