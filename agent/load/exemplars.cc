#include "agent/load/exemplars.h"

#include <algorithm>
#include <utility>

#include "common/sys/tcp_socket.h"

namespace tcpfleet::agent {
namespace {

constexpr int64_t kReadsWindowNs = 10'000'000;
constexpr int64_t kNothingWanted = std::numeric_limits<int64_t>::max();

bool IsSlower(const SlowOperation& a, const SlowOperation& b) {
  return a.response_ns > b.response_ns;
}

}  // namespace

Exemplars::Exemplars(uint32_t most) : most_(most), threshold_ns_(most == 0 ? kNothingWanted : -1) {
  heap_.reserve(most);
}

void Exemplars::Clear() {
  heap_.clear();
  if (most_ > 0) threshold_ns_ = -1;
}

std::vector<SlowOperation> Exemplars::Take() { return std::exchange(heap_, {}); }

bool Exemplars::MayRead(int64_t now_ns) {
  if (now_ns - reads_since_ns_ >= kReadsWindowNs) {
    reads_since_ns_ = now_ns;
    reads_ = 0;
  }
  return reads_++ < kMostReads;
}

void Exemplars::Keep(const Operation& operation, int fd, int64_t now_ns) {
  if (!MayRead(now_ns)) return;
  SlowOperation slow;
  slow.operation = operation;
  slow.response_ns = now_ns - operation.due_ns;
  slow.connection.monotonic_ns = now_ns;
  if (fd >= 0) {
    slow.connection.key = ReadConnectionKey(fd);
    slow.connection.raw_length = sys::ReadTcpInfo(fd, absl::MakeSpan(slow.connection.raw));
  }
  if (heap_.size() == most_) {
    std::pop_heap(heap_.begin(), heap_.end(), IsSlower);
    heap_.pop_back();
  }
  heap_.push_back(slow);
  std::push_heap(heap_.begin(), heap_.end(), IsSlower);
  if (heap_.size() == most_) threshold_ns_ = heap_.front().response_ns;
}

void AddSlowest(std::vector<SlowOperation>& operations, uint32_t most, v1::Progress& progress) {
  std::sort(operations.begin(), operations.end(), IsSlower);
  if (operations.size() > most) operations.resize(most);
  for (const SlowOperation& slow : operations) {
    const RawConnectionSample& connection = slow.connection;
    v1::Exemplar& exemplar = *progress.add_exemplars();
    exemplar.set_due_monotonic_ns(slow.operation.due_ns);
    exemplar.set_response_ns(static_cast<uint64_t>(slow.response_ns));
    exemplar.set_service_ns(
        static_cast<uint64_t>(connection.monotonic_ns - slow.operation.start_ns));
    exemplar.set_cookie(connection.key.cookie);
    exemplar.set_tcp_info(connection.raw.data(), connection.raw_length);
    // Without a socket, or before it was bound, there are none.
    if (connection.key.local.port != 0) exemplar.set_local(connection.key.local.ToString());
    if (connection.key.remote.port != 0) exemplar.set_remote(connection.key.remote.ToString());
  }
}

}  // namespace tcpfleet::agent
