#include <gtest/gtest.h>
#include <unistd.h>

#include "tests/support/user_namespace.h"

int main(int argc, char** argv) {
  // Tests that need network namespaces see the failure again when they ask for one, and skip.
  if (::geteuid() != 0) tcpfleet::tests::EnterUserNamespace().IgnoreError();
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
