#include "agent/load/errno_counts.h"

#include <cerrno>
#include <numeric>

#include "common/sys/errno_name.h"

namespace tcpfleet::agent {

std::string FailureClass(int error) {
  switch (error) {
    case kPeerClosed:
      return "closed";
    case ECONNREFUSED:
      return "refused";
    case ETIMEDOUT:
      return "timeout";
    case ECONNRESET:
    case EPIPE:
    case ECONNABORTED:
      return "reset";
    case ENETUNREACH:
    case EHOSTUNREACH:
    case ENETDOWN:
    case EHOSTDOWN:
      return "unreachable";
    case EADDRNOTAVAIL:
      return "localPort";
    case EMFILE:
    case ENFILE:
      return "localFd";
    case EACCES:
    case EPERM:
      return "policy";
    case kNotSent:
      return "notSent";
    case kBadResponse:
      return "badResponse";
    default:
      return sys::ErrnoName(error);
  }
}

bool IsWorthAnotherAddress(int error) {
  switch (error) {
    case ECONNREFUSED:
    case ETIMEDOUT:
    case ENETUNREACH:
    case EHOSTUNREACH:
    case ENETDOWN:
    case EHOSTDOWN:
      return true;
    default:
      return false;
  }
}

void ErrnoCounts::Merge(const ErrnoCounts& other) {
  for (size_t i = 0; i < kPlaces; ++i) counts_[i] += other.counts_[i];
}

uint64_t ErrnoCounts::total() const {
  return std::accumulate(counts_.begin(), counts_.end(), uint64_t{0});
}

}  // namespace tcpfleet::agent
