#include "controller/tui/live_timeline.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <deque>

#include "common/sys/file.h"
#include "controller/record/recording_reader.h"
#include "tests/unit/controller/fleet/fakes.h"
#include "tests/unit/controller/tui/story_table.h"

namespace tcpfleet::controller {
namespace {

using ::testing::HasSubstr;

RecorderOptions RecorderAt(const std::string& path) {
  RecorderOptions options;
  options.path = path;
  options.overwrite = true;
  return options;
}

class ScriptedFeed final : public Feed {
 public:
  std::optional<v1::RecordingEntry> Next(absl::Duration, const std::stop_token&) override {
    if (entries.empty()) return std::nullopt;
    v1::RecordingEntry entry = entries.front();
    entries.pop_front();
    return entry;
  }
  bool ended() const override { return false; }
  std::deque<v1::RecordingEntry> entries;
};

class LiveTimelineTest : public ::testing::Test {
 protected:
  void Play(int seconds) {
    for (int i = 0; i < seconds; ++i) {
      for (v1::RecordingEntry& entry : story_.NextSecond()) script_.entries.push_back(entry);
    }
    while (!script_.entries.empty()) timeline_.Advance(absl::ZeroDuration(), {});
  }
  uint64_t Poll() const { return timeline_.table().hosts()[0].poll_sequence; }

  tests::FleetStory story_{{}};
  ScriptedFeed script_;
  FakeClock clock_;
  RecordedFeed feed_{script_, nullptr, nullptr};
  LiveTimeline timeline_{feed_, clock_};
};

TEST_F(LiveTimelineTest, FollowsTheFeed) {
  EXPECT_FALSE(timeline_.Advance(absl::ZeroDuration(), {}));
  Play(3);
  EXPECT_EQ(timeline_.moment().mode, Moment::Mode::kLive);
  EXPECT_EQ(Poll(), 102);
  EXPECT_EQ(timeline_.table().size(), 20);
}

TEST_F(LiveTimelineTest, FreezesAndGoesOnWithWhatCameMeanwhile) {
  Play(3);
  timeline_.Pause();
  Play(4);
  EXPECT_EQ(timeline_.moment().mode, Moment::Mode::kFrozen);
  EXPECT_EQ(Poll(), 102);
  timeline_.Pause();
  EXPECT_EQ(timeline_.moment().mode, Moment::Mode::kLive);
  EXPECT_EQ(Poll(), 106);
  Play(1);
  EXPECT_EQ(Poll(), 107);
}

TEST_F(LiveTimelineTest, StepsBackAndForward) {
  Play(8);
  timeline_.Step(-absl::Seconds(3));
  EXPECT_EQ(timeline_.moment().mode, Moment::Mode::kFrozen);
  EXPECT_EQ(Poll(), 104);
  timeline_.Step(absl::Seconds(1));
  EXPECT_EQ(Poll(), 105);
  timeline_.Step(absl::Hours(1));
  EXPECT_EQ(Poll(), 107);
  EXPECT_EQ(timeline_.moment().mode, Moment::Mode::kFrozen);
  timeline_.ToEnd();
  EXPECT_EQ(timeline_.moment().mode, Moment::Mode::kLive);
}

TEST_F(LiveTimelineTest, StepsBackNoFurtherThanWhatIsKept) {
  Play(5);
  timeline_.Step(-absl::Hours(1));
  EXPECT_EQ(timeline_.moment().shown_unix_ns, tests::FleetStory::kBeginUnixNs);
}

TEST_F(LiveTimelineTest, CannotStepWhereNothingHasCome) {
  timeline_.Step(-absl::Seconds(1));
  timeline_.Pause();
  EXPECT_EQ(timeline_.moment().mode, Moment::Mode::kLive);
}

TEST_F(LiveTimelineTest, GoesOnWhenAFrameCannotBeRead) {
  Play(2);
  v1::RecordingEntry broken;
  broken.set_agent(0);
  broken.mutable_frame()->set_rows_zstd("no zstd");
  broken.mutable_frame()->set_rows_size(7);
  script_.entries.push_back(broken);
  EXPECT_TRUE(timeline_.Advance(absl::ZeroDuration(), {}));
  EXPECT_NE(timeline_.moment().trouble, "");
  EXPECT_FALSE(timeline_.table().hosts().empty());
}

TEST(RecordedFeed, RemembersWhoIsDown) {
  ScriptedFeed script;
  tests::FleetStory story({});
  for (v1::RecordingEntry& entry : story.NextSecond()) script.entries.push_back(entry);
  RecordedFeed feed(script, nullptr, nullptr);
  while (feed.Next(absl::ZeroDuration(), {})) {
  }
  ASSERT_EQ(feed.failures().size(), 1);
  EXPECT_EQ(feed.failures()[0].name(), "web9");
  v1::RecordingEntry up;
  up.set_agent(3);
  up.mutable_up()->set_name("web9");
  script.entries.push_back(up);
  feed.Next(absl::ZeroDuration(), {});
  EXPECT_TRUE(feed.failures().empty());
}

TEST(RecordedFeed, RecordsWhatItHandsOn) {
  const auto directory = sys::TemporaryDirectory::Create("tcpfleet-tui");
  ASSERT_TRUE(directory.ok());
  const std::string path = directory->path() + "/run.tfr";
  auto recorder =
      Recorder::Create(RecorderAt(path), absl::FromUnixNanos(tests::FleetStory::kBeginUnixNs));
  ASSERT_TRUE(recorder.ok()) << recorder.status();
  ScriptedFeed script;
  tests::FleetStory story({});
  for (v1::RecordingEntry& entry : story.NextSecond()) script.entries.push_back(entry);
  const size_t sent = script.entries.size();
  RecordedFeed feed(script, recorder->get(), nullptr);
  while (feed.Next(absl::ZeroDuration(), {})) {
  }
  feed.Finish();
  EXPECT_TRUE(feed.recording_status().ok());
  auto reader = RecordingReader::Open(path);
  ASSERT_TRUE(reader.ok()) << reader.status();
  size_t read = 0;
  while ((*reader)->Next().value().has_value()) ++read;
  EXPECT_EQ(read, sent);
}

// No file of this process may grow.
class FullDisk {
 public:
  FullDisk() : signal_before_(std::signal(SIGXFSZ, SIG_IGN)) {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit none{.rlim_cur = 0, .rlim_max = before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &none);
  }
  ~FullDisk() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    (void)std::signal(SIGXFSZ, signal_before_);
  }

 private:
  void (*const signal_before_)(int);
  rlimit before_{};
};

TEST(RecordedFeed, GoesOnWithoutARecorderThatFails) {
  const auto directory = sys::TemporaryDirectory::Create("tcpfleet-test");
  ASSERT_TRUE(directory.ok());
  auto recorder =
      Recorder::Create(RecorderAt(directory->path() + "/recording.tfr"), absl::UnixEpoch());
  ASSERT_TRUE(recorder.ok()) << recorder.status();
  ScriptedFeed script;
  tests::FleetStory story({});
  for (v1::RecordingEntry& entry : story.NextSecond()) script.entries.push_back(entry);
  const size_t sent = script.entries.size();
  int stopped = 0;
  RecordedFeed feed(script, recorder->get(), [&](const absl::Status&) { ++stopped; });
  size_t got = 0;
  {
    const FullDisk full;
    while (feed.Next(absl::ZeroDuration(), {})) ++got;
  }
  EXPECT_EQ(got, sent);
  EXPECT_EQ(stopped, 1);
  EXPECT_FALSE(feed.recording_status().ok());
}

}  // namespace
}  // namespace tcpfleet::controller
