// The client's side of streaming calls.
//
// Threads: Send and Cancel from any thread. The functions handed in are called by gRPC's threads
//          and must not block. Owns:    the call: the destructor cancels it and waits for on_done
//          to return. Never destroy a call inside its callbacks.
#pragma once

#include <grpcpp/client_context.h>
#include <grpcpp/support/client_callback.h>

#include <functional>
#include <utility>

#include "common/base/mutex.h"
#include "common/rpc/status.h"
#include "common/rpc/stream_queue.h"

namespace tcpfleet::rpc {

template <class Response>
struct ClientCallbacks {
  std::function<void(Response)> on_message;
  // Exactly once, last.
  std::function<void(absl::Status)> on_done;
};

// What both kinds of calls share: reading until the end, and the end itself.
template <class Reactor, class Response>
class IncomingStream : public Reactor {
 public:
  ~IncomingStream() override = default;
  grpc::ClientContext& context() { return context_; }
  void Cancel() { context_.TryCancel(); }

 protected:
  explicit IncomingStream(ClientCallbacks<Response> callbacks) : callbacks_(std::move(callbacks)) {}

  void Begin() {
    this->StartRead(&incoming_);
    this->StartCall();
  }
  void CancelAndWait() ABSL_LOCKS_EXCLUDED(done_mutex_) {
    Cancel();
    base::MutexLock lock(done_mutex_);
    while (!done_) done_changed_.Wait(done_mutex_);
  }
  // The server said its last word, or the connection is gone. OnDone follows.
  virtual void OnReadsEnded() {}

 private:
  void OnReadDone(bool ok) final {
    if (!ok) {
      OnReadsEnded();
      return;
    }
    callbacks_.on_message(std::move(incoming_));
    incoming_ = Response();
    this->StartRead(&incoming_);
  }
  void OnDone(const grpc::Status& status) final {
    callbacks_.on_done(FromGrpc(status));
    base::MutexLock lock(done_mutex_);
    done_ = true;
    done_changed_.NotifyAll();  // under the lock: the waiter may destroy this object right after
  }

  grpc::ClientContext context_;
  ClientCallbacks<Response> callbacks_;
  Response incoming_;
  base::Mutex done_mutex_;
  base::CondVar done_changed_;
  bool done_ ABSL_GUARDED_BY(done_mutex_) = false;
};

// One request, many responses.
template <class Response>
class ClientReadCall final : public IncomingStream<grpc::ClientReadReactor<Response>, Response> {
 public:
  explicit ClientReadCall(ClientCallbacks<Response> callbacks)
      : IncomingStream<grpc::ClientReadReactor<Response>, Response>(std::move(callbacks)) {}
  ~ClientReadCall() override { this->CancelAndWait(); }
  // After the stub's async method was given this reactor.
  void Start() { this->Begin(); }
};

// Messages both ways.
template <class Request, class Response>
class ClientDuplexCall final
    : public IncomingStream<grpc::ClientBidiReactor<Request, Response>, Response> {
 public:
  ClientDuplexCall(size_t capacity, ClientCallbacks<Response> callbacks)
      : IncomingStream<grpc::ClientBidiReactor<Request, Response>, Response>(std::move(callbacks)),
        queue_(capacity) {}
  ~ClientDuplexCall() override { this->CancelAndWait(); }

  void Start() {
    this->AddHold();  // writes start outside of reactions; given back when the reads have ended
    this->Begin();
  }

  // False when the call has ended or `capacity` messages wait.
  bool Send(Request request) ABSL_LOCKS_EXCLUDED(mutex_) {
    StreamStep step;
    bool taken = false;
    {
      base::MutexLock lock(mutex_);
      taken = queue_.Push(std::move(request), step);
      // The call cannot end between here and StartWrite.
      if (step == StreamStep::kWrite) this->AddHold();
    }
    if (step == StreamStep::kWrite) {
      Obey(step);
      this->RemoveHold();
    }
    return taken;
  }

 private:
  void OnWriteDone(bool ok) override {
    StreamStep step;
    {
      base::MutexLock lock(mutex_);
      step = queue_.WriteDone(ok);
    }
    Obey(step);
  }
  void OnReadsEnded() override {
    {
      base::MutexLock lock(mutex_);
      queue_.Abort(absl::CancelledError("the call has ended"));
    }
    this->RemoveHold();
  }

  // A client has nothing to finish: the server ends the call.
  void Obey(StreamStep step) ABSL_NO_THREAD_SAFETY_ANALYSIS {
    if (step == StreamStep::kWrite) this->StartWrite(&queue_.current());
  }

  base::Mutex mutex_;
  StreamQueue<Request> queue_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace tcpfleet::rpc
