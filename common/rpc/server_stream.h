// The server's side of streaming calls. Written once here; services hand in functions.
//
// Threads: Push, Ready and Close from any thread. The functions handed in are called by gRPC's
//          threads and must not block. Owns:    a stream lives from New() until gRPC is done with
//          it, and longer while somebody holds the pointer. Bounds:  one message in flight,
//          kStreamCapacity waiting.
#pragma once

#include <grpcpp/support/server_callback.h>

#include <functional>
#include <memory>
#include <utility>

#include "common/base/mutex.h"
#include "common/rpc/status.h"
#include "common/rpc/stream_queue.h"

namespace tcpfleet::rpc {

inline constexpr size_t kStreamCapacity = 16;

// What both kinds of streams share: the outgoing half.
template <class Reactor, class Response>
class OutgoingStream : public Reactor {
 public:
  // False when the stream is closed or kStreamCapacity messages wait already.
  bool Push(Response response) ABSL_LOCKS_EXCLUDED(mutex_) {
    StreamStep step;
    bool taken = false;
    {
      base::MutexLock lock(mutex_);
      taken = queue_.Push(std::move(response), step);
    }
    Obey(step);
    return taken;
  }

  // Nothing waits to be written.
  bool Ready() ABSL_LOCKS_EXCLUDED(mutex_) {
    base::MutexLock lock(mutex_);
    return queue_.idle();
  }

  // Ends the call once everything pushed is written.
  void Close(absl::Status status) ABSL_LOCKS_EXCLUDED(mutex_) {
    StreamStep step;
    {
      base::MutexLock lock(mutex_);
      step = queue_.Close(std::move(status));
    }
    Obey(step);
  }

 protected:
  void Abort(absl::Status status) ABSL_LOCKS_EXCLUDED(mutex_) {
    StreamStep step;
    {
      base::MutexLock lock(mutex_);
      step = queue_.Abort(std::move(status));
    }
    Obey(step);
  }

  std::shared_ptr<void> self_;  // released in OnDone

 private:
  void OnWriteDone(bool ok) final {
    StreamStep step;
    {
      base::MutexLock lock(mutex_);
      step = queue_.WriteDone(ok);
    }
    Obey(step);
  }

  // Whoever was told to write or finish is the only one who was: current() and status() stay as
  // they are until then.
  void Obey(StreamStep step) ABSL_NO_THREAD_SAFETY_ANALYSIS {
    if (step == StreamStep::kWrite) this->StartWrite(&queue_.current());
    if (step == StreamStep::kFinish) this->Finish(ToGrpc(queue_.status()));
  }

  base::Mutex mutex_;
  StreamQueue<Response> queue_ ABSL_GUARDED_BY(mutex_){kStreamCapacity};
};

// One request, many responses.
template <class Response>
class ServerStream final : public OutgoingStream<grpc::ServerWriteReactor<Response>, Response> {
 public:
  static std::shared_ptr<ServerStream> New() {
    std::shared_ptr<ServerStream> stream(new ServerStream());
    stream->self_ = stream;
    return stream;
  }
  // Called once, when the call is over. Set before the stream is returned to gRPC.
  void SetOnDone(std::function<void()> on_done) { on_done_ = std::move(on_done); }

 private:
  ServerStream() = default;
  void OnCancel() override { this->Abort(absl::CancelledError("the caller cancelled")); }
  void OnDone() override {
    if (on_done_) on_done_();
    on_done_ = nullptr;
    const std::shared_ptr<void> last = std::move(this->self_);
  }

  std::function<void()> on_done_;
};

// Messages both ways.
template <class Request, class Response>
class ServerDuplexStream final
    : public OutgoingStream<grpc::ServerBidiReactor<Request, Response>, Response> {
 public:
  struct Callbacks {
    std::function<void(Request)> on_message;
    // Nothing more will come: the caller half-closed, cancelled or is gone. Exactly once.
    std::function<void()> on_end;
  };
  static std::shared_ptr<ServerDuplexStream> New() {
    std::shared_ptr<ServerDuplexStream> stream(new ServerDuplexStream());
    stream->self_ = stream;
    return stream;
  }
  // Sets the callbacks and starts reading.
  void Start(Callbacks callbacks) {
    callbacks_ = std::move(callbacks);
    this->StartRead(&incoming_);
  }

 private:
  ServerDuplexStream() = default;
  void OnReadDone(bool ok) override {
    if (!ok) {
      callbacks_.on_end();
      return;
    }
    callbacks_.on_message(std::move(incoming_));
    incoming_ = Request();
    this->StartRead(&incoming_);
  }
  void OnCancel() override { this->Abort(absl::CancelledError("the caller cancelled")); }
  void OnDone() override {
    callbacks_ = {};
    const std::shared_ptr<void> last = std::move(this->self_);
  }

  Callbacks callbacks_;
  Request incoming_;
};

}  // namespace tcpfleet::rpc
