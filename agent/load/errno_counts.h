// Failures counted by errno, so that counting is one increment and naming happens at the edge.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

namespace tcpfleet::agent {

// The peer closed in an orderly way before the operation was done: no errno says so.
inline constexpr int kPeerClosed = 0;
// Due, and not started by the end.
inline constexpr int kNotSent = 135;
// What came back is no response.
inline constexpr int kBadResponse = 136;

// The class an error is reported under: refused, timeout, reset, closed, unreachable, localPort,
// localFd, policy, notSent, badResponse, or the errno's own name.
std::string FailureClass(int error);

// True for failures of connect() after which another address of the same name may answer.
bool IsWorthAnotherAddress(int error);

class ErrnoCounts {
 public:
  void Add(int error, uint64_t count = 1) { counts_[IndexOf(error)] += count; }
  void Merge(const ErrnoCounts& other);
  uint64_t total() const;

  // Adds the counts that are not 0 to `classes`, a map from class to count.
  template <class Map>
  void AddTo(Map& classes) const {
    for (size_t error = 0; error < counts_.size(); ++error) {
      if (counts_[error] != 0) classes[FailureClass(static_cast<int>(error))] += counts_[error];
    }
  }

 private:
  // Linux numbers its errors 1 to 133; then a place for all unknown ones, then ours.
  static constexpr size_t kPlaces = 137;
  static constexpr size_t kUnknown = 134;
  static size_t IndexOf(int error) {
    const auto index = static_cast<size_t>(error);
    return index < kPlaces ? index : kUnknown;
  }
  std::array<uint64_t, kPlaces> counts_{};
};

}  // namespace tcpfleet::agent
