#include "controller/tui/console.h"

#include <algorithm>
#include <cstdint>
#include <limits>

namespace tcpfleet::controller {
namespace {

constexpr absl::Duration kKeyWait = absl::Milliseconds(20);
constexpr int64_t kDrawPeriodNs = 100'000'000;
constexpr int64_t kTickNs = 1'000'000'000;  // ages grow, also where nothing arrives
constexpr int kRestPerDraw = 4;
constexpr int kMostKeys = 256;  // between two draws

class Console {
 public:
  Console(Timeline& timeline, ConsoleModel& model, Screen& screen, base::Clock& clock)
      : timeline_(timeline), model_(model), screen_(screen), clock_(clock) {}

  ConsoleEnd Run(const std::stop_token& stop, int64_t end_ns) {
    while (!stop.stop_requested()) {
      const bool keyed = TakeKeys();
      if (quit_) return ConsoleEnd::kQuit;
      const int64_t now_ns = clock_.MonotonicNs();
      if (now_ns >= end_ns) return ConsoleEnd::kTimeOver;
      if (now_ns - drawn_ns_ >= kTickNs) {
        if (screen_.Gone()) return ConsoleEnd::kTerminalGone;
        changed_ = true;
      }
      if (keyed || (changed_ && now_ns >= next_draw_ns_)) Draw(now_ns);
      if (timeline_.Advance(kKeyWait, stop)) TableChanged();
    }
    return ConsoleEnd::kStopped;
  }

 private:
  bool TakeKeys() {
    int keys = 0;
    while (!quit_ && keys < kMostKeys) {
      const std::optional<Key> key = screen_.ReadKey();
      if (!key.has_value()) break;
      Obey(model_.OnKey(*key));
      ++keys;
    }
    return keys > 0;
  }

  void TableChanged() {
    changed_ = true;
    model_.TableChanged(timeline_.table());
  }

  void Obey(ConsoleModel::Request request) {
    using Request = ConsoleModel::Request;
    switch (request) {
      case Request::kNone:
        return;
      case Request::kQuit:
        quit_ = true;
        return;
      case Request::kSuspend:
        return screen_.Suspend();
      case Request::kRedraw:
        return screen_.Redraw();
      case Request::kPause:
        timeline_.Pause();
        break;
      case Request::kBackOne:
        timeline_.Step(-absl::Seconds(1));
        break;
      case Request::kForwardOne:
        timeline_.Step(absl::Seconds(1));
        break;
      case Request::kBackTen:
        timeline_.Step(-absl::Seconds(10));
        break;
      case Request::kForwardTen:
        timeline_.Step(absl::Seconds(10));
        break;
      case Request::kToEnd:
        timeline_.ToEnd();
        break;
      case Request::kFaster:
        timeline_.ChangeSpeed(true);
        break;
      case Request::kSlower:
        timeline_.ChangeSpeed(false);
        break;
    }
    TableChanged();
  }

  void Draw(int64_t now_ns) {
    Canvas canvas(screen_.width(), screen_.height());
    model_.Draw(canvas, timeline_.table(), timeline_.moment());
    screen_.Show(canvas);
    drawn_ns_ = clock_.MonotonicNs();
    next_draw_ns_ = drawn_ns_ + std::max(kDrawPeriodNs, kRestPerDraw * (drawn_ns_ - now_ns));
    changed_ = false;
  }

  Timeline& timeline_;
  ConsoleModel& model_;
  Screen& screen_;
  base::Clock& clock_;
  bool quit_ = false;
  bool changed_ = true;
  int64_t drawn_ns_ = 0;
  int64_t next_draw_ns_ = 0;
};

}  // namespace

ConsoleEnd RunConsole(Timeline& timeline, ConsoleModel& model, Screen& screen, base::Clock& clock,
                      const std::stop_token& stop, absl::Duration duration) {
  const int64_t end_ns = duration == absl::InfiniteDuration()
                             ? std::numeric_limits<int64_t>::max()
                             : clock.MonotonicNs() + absl::ToInt64Nanoseconds(duration);
  return Console(timeline, model, screen, clock).Run(stop, end_ns);
}

}  // namespace tcpfleet::controller
