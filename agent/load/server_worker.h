// The server side of one load thread: its own listener on the run's port, accepts, and treats each
// connection as ServerBehavior says: answers requests of crr and rr in their order, returns
// heartbeats, takes and gives streams, and otherwise keeps connections until the peer closes.
//
// Bounds: keeps as many connections as the run was announced with, and kSpareConnections more for
//         those whose end it has not noticed yet; then it stops accepting until one ends. Without a
//         descriptor it pauses kAcceptPauseNs or until a connection ends, and logs once per second.
//         While a connection takes no responses, or waits for kMostPerConnection delayed ones,
//         nothing more is read from it.
//
// server_worker.cc: the listener, beginning and end of connections; server_connections.cc: what is
// done with them.
#pragma once

#include <absl/status/statusor.h>

#include <memory>
#include <vector>

#include "agent/load/load_worker.h"
#include "agent/load/server_behavior.h"
#include "agent/load/socket_options.h"
#include "agent/load/stream_pump.h"
#include "common/sys/unique_fd.h"

namespace tcpfleet::agent {

class ServerWorker final : public LoadWorker {
 public:
  static constexpr int kBacklog = 65'535;
  static constexpr uint32_t kSpareConnections = 1'024;
  static constexpr int64_t kAcceptPauseNs = 10'000'000;
  // How long it serves beyond the end time, so that clients whose clock is judged a little
  // differently do not see their server vanish.
  static constexpr int64_t kGraceNs = 250'000'000;

  // Listens from now on; port 0 takes a free one. Accepts when started.
  static absl::StatusOr<std::unique_ptr<ServerWorker>> Create(const RunPlan& plan,
                                                              RunControl& control, uint32_t index,
                                                              uint16_t port);
  ~ServerWorker() override;

  uint16_t port() const { return port_; }

 private:
  struct Connection {
    int fd = -1;
    uint32_t next_free = kNone;
    uint32_t generation = 0;  // of the place: how many connections it has had
    uint32_t unread = 0;      // bytes of the request still to come
    uint32_t requests = 0;    // complete ones
    uint8_t delayed = 0;      // replies that wait for their time
    bool writable_watched = false;
    bool held_back = false;   // by the governor
    bool has_closed = false;  // our FIN is sent: only the peer's is awaited
    uint64_t unsent = 0;      // bytes of responses
    StreamReceiver receiver;
  };
  static_assert(sizeof(Connection) <= 64);
  static constexpr uint32_t kNone = ~uint32_t{0};
  static constexpr uint32_t kListenerToken = ~uint32_t{0} - 1;
  static constexpr size_t kBufferBytes = 65'536;

  ServerWorker(const Seat& seat, sys::Epoll epoll, sys::EventFd wake, sys::UniqueFd listener,
               uint16_t port);

  void OnEvent(uint32_t token, uint32_t events) override;
  void OnTurn() override;
  int64_t NextTimerNs() const override;
  void CloseAll(bool reset) override;

  void Accept(int most);
  void Accepted(int fd);
  void PauseAccept(int64_t until_ns);
  void RefuseAccept(int error);
  void ResumeAccept();

  uint32_t WatchedEvents() const;
  bool MayRead(const Connection& connection) const;
  void Serve(uint32_t index, uint32_t events);
  void ServeStream(uint32_t index, uint32_t events);
  Pumped Send(uint32_t index);
  void CountSent(size_t bytes);
  // Brings an event at once if there is something to do.
  void Watch(uint32_t index);
  bool ServeRequests(uint32_t index, size_t received);
  bool SendResponse(uint32_t index);
  void SendDelayed();
  bool IsLost(const DelayedReplies::Reply& reply) const;
  bool CloseSending(uint32_t index);
  int64_t NextResetNs() const;
  void ResetAllDue();
  void Reset(uint32_t index);
  void Close(uint32_t index);

  const ServerBehavior behavior_;
  const TestSocketOptions options_;
  const sys::UniqueFd listener_;
  const uint16_t port_;
  const uint32_t request_bytes_;
  const uint32_t response_bytes_;
  const size_t most_connections_;
  std::vector<Connection> connections_;
  uint32_t free_ = kNone;
  size_t open_ = 0;
  int64_t resume_ns_ = kNever;  // not kNever: accepting is paused until then
  DelayedReplies delayed_;
  std::vector<uint32_t> held_back_;  // streams that wait for the governor
  size_t resets_ = 0;                // of behavior_.reset_at_ns, done
  std::vector<std::byte> buffer_;    // received bytes; stream: what is sent
};

}  // namespace tcpfleet::agent
