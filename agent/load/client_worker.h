// The client side of one load thread: starts operations by schedule or as fast as slots become
// free, opens and closes connections, times them out and keeps the account. What is done with an
// open connection is the Workload's.
//
// Life of an operation: StartOperation -> (connection opens) -> Workload::OnOpen -> ... -> Succeed
// or Fail. One operation is under way per slot. A slot without one waits in `ready_`, or in
// `backoff_` after a failure in a run without a rate; only held connections wait nowhere.
#pragma once

#include <absl/status/statusor.h>

#include <memory>
#include <optional>
#include <vector>

#include "agent/load/load_worker.h"
#include "agent/load/schedule.h"
#include "agent/load/slot_list.h"
#include "agent/load/socket_options.h"
#include "agent/load/workload.h"

namespace tcpfleet::agent {

class ClientWorker final : public LoadWorker {
 public:
  // After a failed operation in a run without a rate, a slot rests this long: a target that refuses
  // does not become a busy loop.
  static constexpr int64_t kBackoffNs = 10'000'000;
  // Handshakes under way per thread when connections are held and no rate is given.
  static constexpr size_t kMostHandshakes = 256;

  static absl::StatusOr<std::unique_ptr<ClientWorker>> Create(const RunPlan& plan,
                                                              RunControl& control, uint32_t index);
  ~ClientWorker() override;

  // For workloads.

  // The operation of `slot` is done; the connection stays as it is.
  void Succeed(Slot& slot);
  // The operation of `slot` failed; its connection, if any, is closed.
  void Fail(Slot& slot, int error);
  // The slot has no operation now and may start the next one.
  void Release(Slot& slot);
  void CloseConnection(Slot& slot);
  // The connection broke while no operation was under way.
  void Lose(Slot& slot);
  // Asks for an event when the socket takes data again.
  void AwaitWritable(Slot& slot);
  // From the time the operation was meant to start, to now.
  void RecordResponse(const Slot& slot);
  void CountSent(size_t bytes) { counters().bytes_sent += bytes; }
  void CountReceived(size_t bytes) { counters().bytes_received += bytes; }
  // Reads what is there and throws it away. False when the peer has closed or the connection broke.
  bool Discard(Slot& slot);

 private:
  ClientWorker(const Seat& seat, sys::Epoll epoll, sys::EventFd wake);

  void OnStart() override;
  void OnEvent(uint32_t token, uint32_t events) override;
  void OnTurn() override;
  int64_t NextTimerNs() const override;
  void CloseAll(bool reset) override;

  bool MayStart() const;
  void StartDue();
  void StartOperation(uint32_t index, int64_t due_ns);
  void Connect(Slot& slot);
  int AskAgain(const Slot& slot, const sys::SocketAddress& address);
  void AwaitConnection(Slot& slot);
  void ConnectFailed(Slot& slot, int error);
  void Opened(Slot& slot);
  void OnConnectEvent(Slot& slot, uint32_t events);
  void ExpireConnects();
  void EndBackoffs();

  uint32_t IndexOf(const Slot& slot) const { return static_cast<uint32_t>(&slot - slots_.data()); }
  const PlannedTarget& TargetOf(const Slot& slot) const { return plan().targets[slot.target]; }

  const TestSocketOptions options_;
  const std::unique_ptr<Workload> workload_;
  const size_t most_handshakes_;
  std::vector<Slot> slots_;
  SlotList ready_{slots_};
  SlotList connecting_{slots_};             // ascending connect_ns, as all have the same timeout
  SlotList backoff_{slots_};                // ascending operation_ns
  std::vector<uint8_t> preferred_address_;  // by target: the one that worked last
  std::optional<Schedule> schedule_;
  uint64_t started_ = 0;
  uint32_t skip_open_checks_ = 0;
  bool noted_connect_ = false;
  bool noted_failure_ = false;
};

}  // namespace tcpfleet::agent
