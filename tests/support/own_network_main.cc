// main() of tests with sockets on 127.0.0.1: what others do there, such as 28,000 sockets in
// TIME_WAIT, is not in their way, nor they in others'.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>

#include "tests/support/own_network.h"
#include "tests/support/user_namespace.h"

int main(int argc, char** argv) {
  if (::geteuid() != 0) tcpfleet::tests::EnterUserNamespace().IgnoreError();
  const absl::Status own = tcpfleet::tests::EnterOwnNetwork();
  if (!own.ok()) {
    std::fprintf(stderr, "in the network of the machine: %s\n", own.ToString().c_str());
  }
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
