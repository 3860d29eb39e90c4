// Failures counted by errno, so that counting is one increment and naming happens at the edge.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

namespace tcpfleet::agent {

// The peer closed in an orderly way before the operation was done: no errno says so.
inline constexpr int kPeerClosed = 0;

// The class an error is reported under: refused, timeout, reset, closed, unreachable, localPort,
// localFd, policy, or the errno's own name.
std::string FailureClass(int error);

// True for failures of connect() after which another address of the same name may answer.
bool IsWorthAnotherAddress(int error);

class ErrnoCounts {
 public:
  void Add(int error) { ++counts_[IndexOf(error)]; }
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
  // Linux numbers its errors 1 to 133; anything above shares the last place.
  static constexpr size_t kPlaces = 135;
  static size_t IndexOf(int error) {
    const auto index = static_cast<size_t>(error);
    return index < kPlaces ? index : kPlaces - 1;
  }
  std::array<uint64_t, kPlaces> counts_{};
};

}  // namespace tcpfleet::agent
