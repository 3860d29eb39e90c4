#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>

namespace tcpfleet::tests {

// Compares with TCPFLEET_GOLDEN_DIR/NAME (a compile definition of the test); UPDATE_GOLDEN=1 writes
// the file instead.
inline void ExpectGolden(const std::string& name, const std::string& actual) {
  const std::string path = std::string(TCPFLEET_GOLDEN_DIR) + "/" + name;
  if (std::getenv("UPDATE_GOLDEN") != nullptr) {
    std::ofstream(path, std::ios::binary) << actual;
    return;
  }
  std::ifstream file(path, std::ios::binary);
  ASSERT_TRUE(file.is_open()) << path << " is missing: run this test with UPDATE_GOLDEN=1";
  std::stringstream expected;
  expected << file.rdbuf();
  EXPECT_EQ(actual, expected.str()) << "differs from " << path << " (UPDATE_GOLDEN=1 rewrites it)";
}

}  // namespace tcpfleet::tests
