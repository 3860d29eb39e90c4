#include "controller/fleet/hello.h"

#include <algorithm>
#include <memory>
#include <utility>

namespace tcpfleet::controller {
namespace {

// One agent's exchange; kept alive by the callback of the call under way.
class Greeting : public std::enable_shared_from_this<Greeting> {
 public:
  Greeting(AgentClient& client, base::Clock& clock, absl::Duration timeout, Hello& hello, Done done)
      : client_(client),
        clock_(clock),
        deadline_ns_(clock.MonotonicNs() + absl::ToInt64Nanoseconds(timeout)),
        hello_(hello),
        done_(std::move(done)) {}

  void Start() {
    client_.Describe(TimeLeft(), [self = shared_from_this()](auto host) {
      self->hello_.host = std::move(host);
      if (self->hello_.host.ok()) {
        self->Probe();
      } else {
        self->done_();
      }
    });
  }

 private:
  absl::Duration TimeLeft() const {
    return absl::Nanoseconds(std::max<int64_t>(0, deadline_ns_ - clock_.MonotonicNs()));
  }

  void Probe() {
    const int64_t sent_ns = clock_.MonotonicNs();
    client_.ProbeClock(TimeLeft(), [self = shared_from_this(), sent_ns](const auto& response) {
      self->OnProbed(sent_ns, response);
    });
  }

  void OnProbed(int64_t sent_ns, const absl::StatusOr<v1::ProbeClockResponse>& response) {
    if (response.ok()) {
      Note(sent_ns, clock_.MonotonicNs(), response->monotonic_ns());
    } else if (exchanges_ == 0 || !absl::IsDeadlineExceeded(response.status())) {
      hello_.host = response.status();
    }
    if (response.ok() && exchanges_ < kClockProbes && TimeLeft() > absl::ZeroDuration()) {
      Probe();
    } else {
      done_();
    }
  }

  void Note(int64_t sent_ns, int64_t received_ns, int64_t agent_ns) {
    ClockOffset& clock = hello_.clock;
    const int64_t round_trip_ns = received_ns - sent_ns;
    if (exchanges_++ == 0 || round_trip_ns < clock.smallest_round_trip_ns) {
      clock.smallest_round_trip_ns = round_trip_ns;
      clock.uncertainty_ns = (round_trip_ns + 1) / 2;
      clock.offset_ns = agent_ns - (sent_ns + round_trip_ns / 2);
    }
    clock.largest_round_trip_ns = std::max(clock.largest_round_trip_ns, round_trip_ns);
  }

  AgentClient& client_;
  base::Clock& clock_;
  const int64_t deadline_ns_;
  Hello& hello_;
  const Done done_;
  int exchanges_ = 0;
};

}  // namespace

void Greet(AgentClient& client, base::Clock& clock, absl::Duration timeout, Hello& hello,
           Done done) {
  std::make_shared<Greeting>(client, clock, timeout, hello, std::move(done))->Start();
}

std::vector<Hello> SayHello(Fleet& fleet, base::Clock& clock, const std::stop_token& stop) {
  std::vector<Hello> hellos(fleet.size());
  FanOut(
      fleet.size(), fleet.parallel(),
      [&](size_t index, Done done) {
        Greet(*fleet.members()[index].client, clock, fleet.timeout(), hellos[index],
              std::move(done));
      },
      stop);
  return hellos;
}

}  // namespace tcpfleet::controller
