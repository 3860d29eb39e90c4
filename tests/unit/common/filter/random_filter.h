// Random filters and random connections that have enough in common to match now and then.
#pragma once

#include <random>
#include <string>

#include "common/filter/filter.h"

namespace tcpfleet::filter {

class RandomFilter {
 public:
  explicit RandomFilter(uint32_t seed) : random_(seed) {}

  // Of the whole language, or only what ss and the kernel know: ports, addresses, devices.
  std::string Text(bool kernel_only);
  sockets::ConnectionSample Sample();
  sockets::Derived Derived();
  std::string Host() { return Of({"", "web1", "web2", "db1"}); }

 private:
  int Pick(int below) { return std::uniform_int_distribution<int>(0, below - 1)(random_); }
  const char* Of(std::initializer_list<const char*> texts) {
    return texts.begin()[Pick(static_cast<int>(texts.size()))];
  }
  std::string List(int depth, bool kernel_only);
  std::string Term(int depth, bool kernel_only);
  std::string KernelCondition();
  std::string OwnCondition();

  std::mt19937 random_;
};

}  // namespace tcpfleet::filter
