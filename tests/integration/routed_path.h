// A host of a lab that others reach each other through, over links of their own: queues and filters
// on it are in the way of what they say to each other, and of nothing else.
//
//   RoutedPath path(AddHost("router"));
//   path.Attach(client); path.Attach(web);    // keep their addresses; IPv4 only
//   path.router().Command({"tc", "qdisc", "add", "dev", RoutedPath::DeviceTo(web), ...});
//
// Owns:   nothing; the devices go with the lab.
// Bounds: 254 attached hosts, with names of up to 12 bytes.
#pragma once

#include <absl/status/status.h>

#include <string>
#include <vector>

#include "tests/support/network_lab.h"

namespace tcpfleet::tests {

class RoutedPath {
 public:
  // Of an attached host, towards the router.
  static constexpr const char* kDevice = "path0";

  explicit RoutedPath(Host& router) : router_(router) {}

  Host& router() const { return router_; }
  // Of the router, towards an attached host.
  static std::string DeviceTo(const Host& host) { return "to_" + host.name(); }

  // From now on it and those attached before reach each other through the router.
  absl::Status Attach(const Host& host);

 private:
  Host& router_;
  std::vector<const Host*> attached_;
};

}  // namespace tcpfleet::tests
