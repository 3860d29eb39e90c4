#include "common/sockets/wire_reader.h"

#include <gtest/gtest.h>

#include "common/sockets/wire_writer.h"

namespace tcpfleet::sockets {
namespace {

absl::string_view Bytes(const std::string& text) { return {text.data(), text.size()}; }

TEST(WireReader, WalksEveryWireType) {
  const std::string message("\x08\x96\x01\x12\x03one\x19\1\2\3\4\5\6\7\x08\x25\1\2\3\4", 22);
  WireReader reader(Bytes(message));
  auto record = reader.Next();
  ASSERT_TRUE(record.has_value());
  EXPECT_EQ(record->field, 1u);
  EXPECT_EQ(record->number, 150u);
  record = reader.Next();
  ASSERT_TRUE(record.has_value());
  EXPECT_TRUE(record->has_bytes);
  EXPECT_EQ(record->bytes, "one");
  record = reader.Next();
  ASSERT_TRUE(record.has_value());
  EXPECT_EQ(record->field, 3u);
  record = reader.Next();
  ASSERT_TRUE(record.has_value());
  EXPECT_EQ(record->field, 4u);
  EXPECT_FALSE(reader.Next().has_value());
  EXPECT_TRUE(reader.ok());
}

TEST(WireReader, StopsAtTheFirstMalformedField) {
  for (const std::string& bad :
       {std::string("\x08"), std::string("\x08\x80"), std::string("\x12\x05xy"),
        std::string("\x19\x01"), std::string("\x25\x01"), std::string("\x0b"),
        std::string("\0\1", 2), std::string(11, '\xff')}) {
    WireReader reader(Bytes(bad));
    EXPECT_FALSE(reader.Next().has_value());
    EXPECT_FALSE(reader.ok());
  }
}

TEST(WireReader, CountsVarints) {
  EXPECT_EQ(CountVarints(""), 0u);
  EXPECT_EQ(CountVarints(Bytes("\x01\x80\x01\x7f")), 3u);
  EXPECT_EQ(CountVarints(Bytes("\x01\x80")), std::nullopt);
  EXPECT_EQ(CountVarints(Bytes(std::string(10, '\x80') + '\1')), std::nullopt);
}

TEST(WireReader, CountsVarintsWhereverTheyLie) {
  const std::string longest = std::string(9, '\xff') + '\1';
  for (size_t before = 0; before < 20; ++before) {
    for (size_t after = 0; after < 20; ++after) {
      const std::string front(before, '\1');
      const std::string back(after, '\x7f');
      EXPECT_EQ(CountVarints(Bytes(front + longest + back)), before + 1 + after);
      EXPECT_EQ(CountVarints(Bytes(front + '\x80' + longest + back)), std::nullopt);
      EXPECT_EQ(CountVarints(Bytes(front + back + "\x80\x80")), std::nullopt);
    }
  }
}

TEST(WireReader, TakesVarintsOfEveryLength) {
  for (int bits = 0; bits < 64; ++bits) {
    const uint64_t value = ~uint64_t{0} >> bits;
    std::string bytes;
    AppendVarint(value, bytes);
    AppendVarint(7, bytes);
    absl::string_view rest = Bytes(bytes);
    EXPECT_EQ(TakeVarint(rest), value);
    EXPECT_EQ(TakeVarint(rest), 7u);
    EXPECT_EQ(TakeVarint(rest), std::nullopt);
    absl::string_view cut = Bytes(bytes).substr(0, bytes.size() - 2);
    EXPECT_EQ(TakeVarint(cut), std::nullopt);
  }
}

TEST(WireReader, UndoesZigzag) {
  EXPECT_EQ(UnZigzag(0), 0u);
  EXPECT_EQ(UnZigzag(1), UINT64_MAX);
  EXPECT_EQ(UnZigzag(2), 1u);
  EXPECT_EQ(UnZigzag(UINT64_MAX), uint64_t{1} << 63);
}

}  // namespace
}  // namespace tcpfleet::sockets
