// One streaming call to every agent, its messages kept until all have ended.
#pragma once

#include <absl/status/status.h>

#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <utility>
#include <vector>

#include "controller/fleet/fan_out.h"
#include "controller/fleet/fleet.h"

namespace tcpfleet::controller {

// Bytes of messages kept of one agent; what sends more has failed (ResourceExhausted).
inline constexpr size_t kMostCollectedBytes = size_t{256} << 20;

template <class Message>
struct Collected {
  // Not OK: the agent failed, and `messages` holds what had arrived.
  absl::Status status = absl::CancelledError("interrupted");
  bool asked = true;
  std::vector<Message> messages;
};

// Makes the call to one agent; null when it is not to be asked.
template <class Message>
using StartCall =
    std::function<std::unique_ptr<StreamCall>(FleetMember& member, OnMessage<Message>, OnDone)>;

// What one agent sent, as soon as it has ended; on any thread, several at the same time.
template <class Message>
using OnCollected = std::function<void(size_t index, const Collected<Message>&)>;

// One entry per member, in order. When `stop` is requested the calls under way are cancelled and no
// more are made.
template <class Message>
std::vector<Collected<Message>> CollectFromAgents(Fleet& fleet, const StartCall<Message>& start,
                                                  const std::stop_token& stop,
                                                  const OnCollected<Message>& on_collected = {}) {
  struct Stream {
    std::atomic<StreamCall*> call = nullptr;
    std::unique_ptr<StreamCall> owned_call;
    Collected<Message> collected;
    size_t bytes = 0;

    void Take(Message message) {
      bytes += message.ByteSizeLong();
      if (bytes <= kMostCollectedBytes) collected.messages.push_back(std::move(message));
    }
  };
  std::vector<Stream> streams(fleet.size());
  // A call made while the interrupt arrives is seen by one of both: the callback, or its maker.
  std::optional<std::stop_callback<std::function<void()>>> cancel_all(
      std::in_place, stop, [&streams] {
        for (Stream& stream : streams) {
          if (StreamCall* call = stream.call) call->Cancel();
        }
      });
  FanOut(
      fleet.size(), fleet.parallel(),
      [&](size_t index, Done done) {
        Stream& stream = streams[index];
        stream.owned_call = start(
            fleet.members()[index], [&stream](Message message) { stream.Take(std::move(message)); },
            [&stream, &on_collected, index, done](absl::Status status) {
              stream.collected.status = stream.bytes > kMostCollectedBytes
                                            ? absl::ResourceExhaustedError("sent more than 256 MiB")
                                            : std::move(status);
              if (on_collected) on_collected(index, stream.collected);
              done();
            });
        if (stream.owned_call == nullptr) {
          stream.collected.asked = false;
          stream.collected.status = absl::OkStatus();
          done();
          return;
        }
        stream.call = stream.owned_call.get();
        if (stop.stop_requested()) stream.owned_call->Cancel();
      },
      stop);
  cancel_all.reset();
  std::vector<Collected<Message>> all;
  for (Stream& stream : streams) {
    stream.owned_call.reset();  // waits for the last callback, which may still be returning
    all.push_back(std::move(stream.collected));
  }
  return all;
}

}  // namespace tcpfleet::controller
