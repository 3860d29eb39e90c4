// The client side of one load thread: starts operations by schedule or as fast as slots become
// free, opens and closes connections, times them out and keeps the account. What is done with an
// open connection is the Workload's.
//
// Life of an operation: StartOperation -> (connection opens) -> Workload::OnOpen -> ... -> Succeed
// or Fail. A slot that may start one is in `ready_`; one that may later has a timer. Held
// connections and slots that are not to be opened again wait nowhere.
//
// client_worker.cc: events and timers; client_operations.cc: beginning and end of operations;
// client_connections.cc: opening and closing of connections.
#pragma once

#include <absl/status/statusor.h>

#include <memory>
#include <optional>
#include <vector>

#include "agent/load/due_queue.h"
#include "agent/load/load_worker.h"
#include "agent/load/port_allocator.h"
#include "agent/load/schedule.h"
#include "agent/load/slot_list.h"
#include "agent/load/socket_options.h"
#include "agent/load/workload.h"

namespace tcpfleet::agent {

class ClientWorker final : public LoadWorker {
 public:
  // After a failed operation in a run without a schedule, a slot rests this long unless the run
  // says otherwise: a target that refuses does not become a busy loop.
  static constexpr int64_t kPauseNs = 10'000'000;
  // Handshakes under way per thread when connections are held and no rate is given.
  static constexpr size_t kMostHandshakes = 256;

  static absl::StatusOr<std::unique_ptr<ClientWorker>> Create(const RunPlan& plan,
                                                              RunControl& control, uint32_t index);
  ~ClientWorker() override;

  // For workloads.

  using LoadWorker::now_ns;
  using LoadWorker::plan;
  using LoadWorker::ReadClock;
  uint32_t IndexOf(const Slot& slot) const { return static_cast<uint32_t>(&slot - slots_.data()); }
  size_t slots() const { return slots_.size(); }

  // connect() once more: 0 when the connection has opened, EINPROGRESS when it has not yet.
  int AskAgain(const Slot& slot) const;
  // The oldest operation of `slot` is done, now; the connection stays as it is. False when the
  // operation is not counted.
  bool Succeed(Slot& slot);
  // All operations of `slot` have failed; its connection, if any, is closed.
  void Fail(Slot& slot, int error);
  // The slot may start its next operation, if it has room for one.
  void Release(Slot& slot);
  void CloseConnection(Slot& slot);
  // The connection has done what it was opened for: closes it, or waits until the server does.
  void Part(Slot& slot);
  // The server has closed, and that was awaited.
  void Parted(Slot& slot);
  // The connection broke while no operation was under way.
  void Lose(Slot& slot);
  // The same, because its peer has fallen silent.
  void LoseDead(Slot& slot);
  // Asks for an event when the socket takes data again.
  void AwaitWritable(Slot& slot);
  // Workload::OnTimer is called then, or earlier when the connection has grown too old: then it is
  // opened anew instead. hold and stream.
  void SetTimer(Slot& slot, int64_t due_ns);
  void CountSent(const Slot& slot, size_t bytes);
  void CountReceived(const Slot& slot, size_t bytes);
  void CountResponses(size_t status_class, uint64_t count) {
    counters().by_status[status_class] += count;
  }
  // Reads what is there and throws it away. False when the peer has closed or the connection broke.
  bool Discard(Slot& slot);

 private:
  // Why a slot has no connection any more.
  enum class Break : uint8_t { kFailed, kLost, kReset };

  ClientWorker(const Seat& seat, sys::Epoll epoll, sys::EventFd wake);

  void OnStart() override;
  void OnEvent(uint32_t token, uint32_t events) override;
  void OnTurn() override;
  void OnEnd() override;
  int64_t NextTimerNs() const override;
  void CloseAll(bool reset) override;

  bool MayStart() const;
  bool MayLoad(const Slot& slot);
  int64_t NextDueNs() const;
  int64_t OwnDueNs(const Slot& slot) const;
  void StartDue();
  void RunTimers();
  void OnTimer(Slot& slot, int64_t due_ns);
  void ExpireConnects();
  void ResetConnections();

  void StartOperation(Slot& slot, int64_t due_ns);
  Operation& Append(Slot& slot);
  Operation& Oldest(Slot& slot);
  bool TakeCounted(Slot& slot, bool has_response);
  void FailOperations(Slot& slot, int error);
  bool IsUsedUp(const Slot& slot) const;
  bool HasRoom(const Slot& slot) const;
  void Offer(Slot& slot);
  void MakeReady(Slot& slot);
  void TakeOut(Slot& slot);
  void AfterBreak(Slot& slot, Break why);
  int64_t BackoffNs(Slot& slot);
  void CountMissed();

  void Connect(Slot& slot);
  void AwaitConnection(Slot& slot);
  int TryEarly(Slot& slot);
  void ConnectFailed(Slot& slot, int error);
  void Opened(Slot& slot);
  void RecordConnect(Slot& slot);
  void OnConnectEvent(Slot& slot, uint32_t events);

  const sys::SocketAddress& AddressOf(const Slot& slot) const {
    return plan().targets[slot.target].addresses[slot.address];
  }

  const TestSocketOptions options_;
  const std::unique_ptr<Workload> workload_;
  const size_t most_handshakes_;
  const uint32_t pipeline_;
  const double own_period_ns_;  // of every connection's own schedule; 0: none
  const int64_t lifetime_ns_;
  const int64_t think_ns_;
  const uint32_t most_requests_;  // of one connection
  const bool is_scheduled_;
  const bool has_responses_;  // successful operations have a response time
  const bool is_by_target_;
  std::vector<Slot> slots_;
  std::vector<Operation> rings_;  // with a pipeline: `pipeline_` per slot
  PortAllocator ports_;
  SlotList ready_{slots_};
  SlotList connecting_{slots_};  // ascending connect_ns, as all have the same timeout
  DueQueue timers_;
  std::vector<uint8_t> preferred_address_;  // by target: the one that worked last
  std::optional<ArrivalSequence> arrivals_;
  std::vector<int64_t> resets_ns_;  // still to come, latest first
  int64_t held_back_until_ns_ = 0;  // by the governor
  uint64_t random_;
  uint32_t skip_open_checks_ = 0;
  bool noted_connect_ = false;
  bool noted_failure_ = false;
};

}  // namespace tcpfleet::agent
