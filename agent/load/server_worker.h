// The server side of one load thread: its own listener on the run's port, accepts, answers requests
// of crr and rr, and otherwise keeps connections until the peer closes.
//
// Bounds: keeps as many connections as the run was announced with, and kSpareConnections more for
//         those whose end it has not noticed yet; then it stops accepting until one ends. Without a
//         descriptor it pauses kAcceptPauseNs or until a connection ends, and logs once per second.
#pragma once

#include <absl/status/statusor.h>

#include <memory>
#include <vector>

#include "agent/load/load_worker.h"
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
    uint32_t unread = 0;  // bytes of the request still to come
    bool writable_watched = false;
    uint64_t unsent = 0;  // bytes of responses
  };
  static_assert(sizeof(Connection) <= 64);
  static constexpr uint32_t kNone = ~uint32_t{0};
  static constexpr uint32_t kListenerToken = ~uint32_t{0} - 1;

  ServerWorker(const Seat& seat, sys::Epoll epoll, sys::EventFd wake, sys::UniqueFd listener,
               uint16_t port);

  void OnEvent(uint32_t token, uint32_t events) override;
  void OnTurn() override;
  int64_t NextTimerNs() const override;
  void CloseAll(bool reset) override;

  void AcceptAll();
  void Accepted(int fd);
  void PauseAccept(int error);
  void ResumeAccept();
  void Serve(uint32_t index, uint32_t events);
  bool CountRequest(Connection& connection, size_t received);
  bool SendResponse(uint32_t index);
  void Close(uint32_t index);

  const sys::UniqueFd listener_;
  const uint16_t port_;
  const uint32_t request_bytes_;
  const uint32_t response_bytes_;
  const size_t most_connections_;
  std::vector<Connection> connections_;
  uint32_t free_ = kNone;
  size_t open_ = 0;
  int64_t resume_ns_ = kNever;  // not kNever: accepting is paused until then
  std::vector<std::byte> buffer_;
};

}  // namespace tcpfleet::agent
