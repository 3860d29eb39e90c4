// Connections for tests of the codec.
#pragma once

#include <memory>
#include <random>

#include "common/sockets/connection_sample.h"
#include "common/sockets/frame_encoder.h"

namespace tcpfleet::sockets {

inline ConnectionSample SampleWith(uint64_t cookie, uint64_t rtt = 100) {
  ConnectionSample sample;
  sample.identity.cookie = cookie;
  sample.identity.network_namespace = 4026531840;
  sample.identity.local = {base::IpAddress::V4({198, 18, 0, 1}), static_cast<uint16_t>(cookie)};
  sample.identity.remote = {base::IpAddress::V4({198, 18, 0, 2}), 443};
  sample.identity.inode = 70'000 + cookie;
  sample.identity.uid = 1000;
  sample.identity.congestion_control = "cubic";
  sample.values.Set(Field::kState, 1);
  sample.values.Set(Field::kRtt, rtt);
  return sample;
}

// Any number a kernel could report, with the edges of 32 and 64 bits among them.
inline uint64_t RandomValue(std::mt19937_64& random) {
  switch (random() % 5) {
    case 0:
      return 0;
    case 1:
      return random() % 1000;
    case 2:
      return UINT32_MAX - random() % 3;
    case 3:
      return UINT64_MAX - random() % 3;
    default:
      return random();
  }
}

inline ConnectionSample RandomSample(std::mt19937_64& random, uint64_t cookie) {
  ConnectionSample sample = SampleWith(cookie);
  if (random() % 2 == 0) {
    sample.identity.remote = {base::IpAddress::V6({0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
                                                   0, static_cast<uint8_t>(random())}),
                              static_cast<uint16_t>(random())};
  }
  if (random() % 2 == 0) sample.identity.uid.reset();
  if (random() % 2 == 0) {
    sample.identity.process = std::make_shared<const Process>(Process{
        static_cast<uint32_t>(random()), random() % 1'000'000, "nginx", "nginx: worker process"});
  }
  if (random() % 2 == 0) {
    sample.identity.cgroup = std::make_shared<const std::string>("/system.slice/nginx.service");
  }
  if (random() % 2 == 0) sample.identity.cgroup_id = random();
  sample.identity.interface = static_cast<uint32_t>(random() % 3);
  for (const FieldInfo& info : AllFields()) {
    if (random() % 3 != 0) sample.values.Set(info.field, RandomValue(random));
  }
  if (random() % 3 == 0) sample.tcp_info_tail = std::string(random() % 40, 't');
  return sample;
}

// Changes some values, loses some, gains some.
inline void Disturb(std::mt19937_64& random, ConnectionSample& sample) {
  for (const FieldInfo& info : AllFields()) {
    switch (random() % 12) {
      case 0:
        sample.values.Set(info.field, RandomValue(random));
        break;
      case 1:
        sample.values.Set(info.field, sample.values.Get(info.field) + random() % 100);
        break;
      case 2:
        sample.values.Erase(info.field);
        break;
      default:
        break;
    }
  }
  if (random() % 10 == 0) sample.tcp_info_tail = std::string(random() % 40, 'u');
}

}  // namespace tcpfleet::sockets
