// What a stream with one write in flight does next. Pure: the reactors of server_stream.h and
// client_stream.h obey it.
//
// Threads: not thread-safe; the owner locks.
// Bounds:  one message in flight and `capacity` waiting; Push refuses the next one.
#pragma once

#include <absl/status/status.h>

#include <cstddef>
#include <deque>
#include <optional>
#include <utility>

#include "common/base/check.h"

namespace tcpfleet::rpc {

enum class StreamStep {
  kNothing,  // wait for the write in flight, or for the next Push
  kWrite,    // start writing current()
  kFinish,   // finish the stream with status(); said exactly once
};

template <class Message>
class StreamQueue {
 public:
  explicit StreamQueue(size_t capacity) : capacity_(capacity) {}

  // True when the message was taken; then `step` says what to do.
  bool Push(Message message, StreamStep& step) {
    step = StreamStep::kNothing;
    if (status_ || waiting_.size() == capacity_) return false;
    waiting_.push_back(std::move(message));
    step = Next();
    return true;
  }

  // No more messages: finish once those that wait are written. Later calls change nothing.
  StreamStep Close(absl::Status status) {
    if (status_) return StreamStep::kNothing;
    status_ = std::move(status);
    return Next();
  }

  // The same, but what waits is dropped.
  StreamStep Abort(absl::Status status) {
    waiting_.clear();
    if (!status_) status_ = std::move(status);
    return Next();
  }

  // The write in flight is over.
  StreamStep WriteDone(bool ok) {
    TF_CHECK(in_flight_);
    in_flight_ = false;
    return ok ? Next() : Abort(absl::CancelledError("the peer is gone"));
  }

  // Nothing waits and nothing is in flight.
  bool idle() const { return !status_ && !in_flight_ && waiting_.empty(); }
  bool closed() const { return status_.has_value(); }
  const Message& current() const { return current_; }
  const absl::Status& status() const { return *status_; }

 private:
  StreamStep Next() {
    if (in_flight_ || finished_) return StreamStep::kNothing;
    if (!waiting_.empty()) {
      current_ = std::move(waiting_.front());
      waiting_.pop_front();
      in_flight_ = true;
      return StreamStep::kWrite;
    }
    if (!status_) return StreamStep::kNothing;
    finished_ = true;
    return StreamStep::kFinish;
  }

  const size_t capacity_;
  std::deque<Message> waiting_;
  Message current_;
  bool in_flight_ = false;
  bool finished_ = false;
  std::optional<absl::Status> status_;
};

}  // namespace tcpfleet::rpc
