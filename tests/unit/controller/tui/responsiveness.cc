// How long the console takes from a key to the screen with a large fleet: 50 hosts with 10,000
// connections each, one in five of which changes every second.
#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "controller/tui/console_model.h"
#include "tests/support/fleet_story.h"

namespace tcpfleet::controller {
namespace {

double Milliseconds(const std::function<void()>& work) {
  const int64_t begin_ns = base::MonotonicNowNs();
  work();
  return static_cast<double>(base::MonotonicNowNs() - begin_ns) / 1e6;
}

void Say(const std::string& what, std::vector<double> ms) {
  std::sort(ms.begin(), ms.end());
  fmt::print("{:<44} median {:7.1f} ms   largest {:7.1f} ms\n", what, ms[ms.size() / 2], ms.back());
}

Key Letter(char letter) { return {.text = std::string(1, letter)}; }

int Main() {
  constexpr int kRounds = 7;
  // A quarter of the web hosts' connections have their other end in db1.
  tests::FleetStory story(
      {.web_hosts = 49, .clients = 8'200, .active_percent = 20, .has_silent_agent = false});
  FleetTable table;
  ConsoleModel model{ConsoleSettings()};
  const auto second = [&] {
    std::vector<double> ms;
    for (const v1::RecordingEntry& entry : story.NextSecond()) {
      ms.push_back(Milliseconds([&] {
        if (!table.Apply(entry).ok()) std::abort();
      }));
      model.TableChanged(table);
    }
    return ms;
  };
  for (int i = 0; i < 3; ++i) second();
  fmt::print("{} hosts, {} connections\n", table.hosts().size(), table.size());

  std::vector<double> frames;
  std::vector<double> seconds;
  for (int i = 0; i < kRounds; ++i) {
    double sum = 0;
    for (const double ms : second()) {
      frames.push_back(ms);
      sum += ms;
    }
    seconds.push_back(sum);
  }
  Say("one frame applied", frames);
  Say("frames of one second applied", seconds);

  const auto draw = [&] {
    Canvas canvas(200, 50);
    model.Draw(canvas, table, {});
  };
  const auto measure = [&](const std::string& what, const std::vector<Key>& keys, bool changed) {
    std::vector<double> ms;
    for (int i = 0; i < kRounds; ++i) {
      if (changed) model.TableChanged(table);
      ms.push_back(Milliseconds([&] {
        for (const Key& key : keys) model.OnKey(key);
        draw();
      }));
    }
    Say(what, ms);
  };
  draw();
  measure("drawn after a change", {}, true);
  measure("cursor down, unchanged table", {{.code = Key::Code::kDown}}, false);
  measure("cursor down after a change", {{.code = Key::Code::kDown}}, true);
  measure("order reversed, chosen row followed", {Letter('r')}, true);
  measure("back to the top", {{.code = Key::Code::kHome}}, true);
  measure("next sort column", {Letter('>')}, true);
  model.OnKey(Letter('/'));
  for (const char letter : std::string("rtt > 5ms and dport = :5432")) {
    const std::vector<double> ms{Milliseconds([&] {
      model.OnKey(Letter(letter));
      draw();
    })};
    if (letter == 's' || letter == '2') Say(fmt::format("filter typed up to '{}'", letter), ms);
  }
  model.OnKey({.code = Key::Code::kEscape});
  model.OnKey(Letter('g'));
  for (const char letter : std::string("host ")) model.OnKey(Letter(letter));
  model.OnKey({.code = Key::Code::kEnter});
  measure("grouped by host", {}, true);
  model.OnKey({.code = Key::Code::kEnter});
  measure("grouped by host, one unfolded", {}, true);
  return 0;
}

}  // namespace
}  // namespace tcpfleet::controller

int main() { return tcpfleet::controller::Main(); }
