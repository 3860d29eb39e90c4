#pragma once

#include <deque>
#include <initializer_list>
#include <string>
#include <vector>

#include "tests/unit/controller/connections/scripted_host.h"

namespace tcpfleet::controller {

// Rows that come from no frame.
class RowList {
 public:
  explicit RowList(std::initializer_list<const char*> host_names) {
    for (const char* name : host_names) {
      hosts.emplace_back().name = name;
      hosts.back().up = true;
      hosts.back().description.set_boot_id(std::string("boot of ") + name);
    }
  }
  sockets::ConnectionSample& Add(uint32_t host, uint64_t cookie, const std::string& local,
                                 const std::string& remote) {
    samples_.push_back(Connection(cookie, local, remote));
    rows_.emplace_back();
    rows_.back().host = host;
    rows_.back().sample = &samples_.back();
    return samples_.back();
  }
  ConnectionRow& row(size_t index) { return rows_[index]; }
  std::vector<const ConnectionRow*> rows() const {
    std::vector<const ConnectionRow*> all;
    for (const ConnectionRow& row : rows_) all.push_back(&row);
    return all;
  }

  std::vector<HostView> hosts;

 private:
  std::deque<sockets::ConnectionSample> samples_;
  std::deque<ConnectionRow> rows_;
};

}  // namespace tcpfleet::controller
