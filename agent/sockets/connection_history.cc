#include "agent/sockets/connection_history.h"

#include <utility>

namespace tcpfleet::agent {

void ConnectionHistory::Advance(std::vector<sockets::ConnectionSample> now) {
  previous_ = std::exchange(current_, std::move(now));
  previous_by_cookie_.swap(current_by_cookie_);
  current_by_cookie_.clear();
  before_.assign(current_.size(), nullptr);
  ended_.clear();
  for (uint32_t i = 0; i < current_.size(); ++i) {
    const uint64_t cookie = current_[i].identity.cookie;
    current_by_cookie_.emplace(cookie, i);
    const auto found = previous_by_cookie_.find(cookie);
    if (found == previous_by_cookie_.end()) continue;
    before_[i] = &previous_[found->second];
    previous_by_cookie_.erase(found);
  }
  // What nobody asked for is gone.
  for (const auto& [cookie, i] : previous_by_cookie_) ended_.push_back(&previous_[i]);
}

std::vector<sockets::ConnectionSample> ConnectionHistory::TakeStorage() {
  before_.clear();
  ended_.clear();
  previous_by_cookie_.clear();
  return std::exchange(previous_, {});
}

}  // namespace tcpfleet::agent
