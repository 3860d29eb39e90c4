#include "controller/tui/console.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>

#include "tests/unit/controller/fleet/fakes.h"
#include "tests/unit/controller/tui/story_table.h"

namespace tcpfleet::controller {
namespace {

using ::testing::HasSubstr;

class FakeScreen final : public Screen {
 public:
  int width() const override { return 80; }
  int height() const override { return 24; }
  std::optional<Key> ReadKey() override {
    if (keys.empty()) return std::nullopt;
    Key key = keys.front();
    keys.pop_front();
    return key;
  }
  void Show(const Canvas& canvas) override {
    ++shown;
    last = canvas.Text();
  }
  void Redraw() override { ++redrawn; }
  void Suspend() override { ++suspended; }
  bool Gone() override { return gone; }

  std::deque<Key> keys;
  int shown = 0;
  int redrawn = 0;
  int suspended = 0;
  bool gone = false;
  std::string last;
};

// Waiting takes as long as it is asked to; `on_advance` may press keys.
class FakeTimeline final : public Timeline {
 public:
  explicit FakeTimeline(FakeClock& clock) : clock_(clock) {}
  bool Advance(absl::Duration wait, const std::stop_token&) override {
    clock_.now_ns += absl::ToInt64Nanoseconds(wait);
    ++advanced;
    if (on_advance) on_advance();
    return changes;
  }
  const FleetTable& table() const override { return table_; }
  Moment moment() const override { return {}; }
  void Pause() override { said += "pause "; }
  void Step(absl::Duration by) override { said += absl::FormatDuration(by) + " "; }
  void ToEnd() override { said += "end "; }
  void ChangeSpeed(bool faster) override { said += faster ? "faster " : "slower "; }

  std::function<void()> on_advance;
  bool changes = false;
  int advanced = 0;
  std::string said;

 private:
  FakeClock& clock_;
  FleetTable table_;
};

class ConsoleTest : public ::testing::Test {
 protected:
  ConsoleEnd Run(absl::Duration duration = absl::Seconds(10)) {
    return RunConsole(timeline_, model_, screen_, clock_, stop_.get_token(), duration);
  }
  FakeClock clock_;
  FakeScreen screen_;
  FakeTimeline timeline_{clock_};
  ConsoleModel model_{ConsoleSettings()};
  std::stop_source stop_;
};

TEST_F(ConsoleTest, QuitsOnTheKey) {
  screen_.keys = {Letter('q')};
  EXPECT_EQ(Run(), ConsoleEnd::kQuit);
}

TEST_F(ConsoleTest, EndsWhenStopped) {
  timeline_.on_advance = [&] { stop_.request_stop(); };
  EXPECT_EQ(Run(), ConsoleEnd::kStopped);
}

TEST_F(ConsoleTest, EndsWhenTheTimeIsOver) {
  EXPECT_EQ(Run(absl::Seconds(3)), ConsoleEnd::kTimeOver);
  EXPECT_EQ(clock_.now_ns, 3'000'000'000);
}

TEST_F(ConsoleTest, EndsWhenTheTerminalIsGone) {
  timeline_.on_advance = [&] { screen_.gone = true; };
  EXPECT_EQ(Run(), ConsoleEnd::kTerminalGone);
  EXPECT_LT(clock_.now_ns, 3'000'000'000);
}

TEST_F(ConsoleTest, DrawsChangesAtMostTenTimesASecond) {
  timeline_.changes = true;
  Run(absl::Seconds(2));
  EXPECT_GT(timeline_.advanced, 90);
  EXPECT_LE(screen_.shown, 21);
  EXPECT_GE(screen_.shown, 15);
}

TEST_F(ConsoleTest, DrawsOnceASecondWhereNothingHappens) {
  Run(absl::Seconds(10));
  EXPECT_GE(screen_.shown, 9);
  EXPECT_LE(screen_.shown, 12);
}

TEST_F(ConsoleTest, DrawsAtOnceAfterAKey) {
  bool pressed = false;
  timeline_.on_advance = [&] {
    if (timeline_.advanced == 2 && !pressed) {
      pressed = true;
      screen_.keys = {Letter('?')};
    } else if (timeline_.advanced == 3) {
      EXPECT_THAT(screen_.last, HasSubstr("any key: back"));
    }
  };
  Run(absl::Milliseconds(80));
  EXPECT_TRUE(pressed);
}

TEST_F(ConsoleTest, MovesInTime) {
  screen_.keys = {Letter(' '),
                  Letter('['),
                  Letter('}'),
                  Letter('+'),
                  Letter('-'),
                  Letter(']'),
                  {.code = Key::Code::kEnd},
                  Letter('{'),
                  Letter('q')};
  Run();
  EXPECT_EQ(timeline_.said, "pause -1s 10s faster slower 1s end -10s ");
}

TEST_F(ConsoleTest, RedrawsAndSuspends) {
  screen_.keys = {Control('l'), Control('z'), Letter('q')};
  Run();
  EXPECT_EQ(screen_.redrawn, 1);
  EXPECT_EQ(screen_.suspended, 1);
}

}  // namespace
}  // namespace tcpfleet::controller
