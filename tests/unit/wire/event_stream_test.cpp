#include "wire/event_stream.h"

#include <gtest/gtest.h>

namespace pillard::wire::event_stream {
namespace {

std::string event(std::string_view data, std::string_view id = {}) {
  std::string out;
  append(out, "log_data", data, id);
  return out;
}

TEST(EventStreamTest, WritesIdEventAndData) {
  EXPECT_EQ(event(R"({"a":1})", "s=1;i=2"), "id: s=1;i=2\nevent: log_data\ndata: {\"a\":1}\n\n");
}

TEST(EventStreamTest, LeavesOutAnIdThatIsNotThere) { EXPECT_EQ(event("1"), "event: log_data\ndata: 1\n\n"); }

TEST(EventStreamTest, LeavesOutAnIdThatNoHeaderCouldGiveBack) {
  for (const auto& id :
       {std::string("a\nb"), std::string("a\rb"), std::string("a\0b", 3), std::string("\x7f"), std::string(1025, 'x')})
    EXPECT_EQ(event("1", id), "event: log_data\ndata: 1\n\n");
  EXPECT_NE(event("1", std::string(1024, 'x')).find("id: x"), std::string::npos);
}

TEST(EventStreamTest, WritesALineForEachLineOfTheData) {
  EXPECT_EQ(event("[1,\n2,\r\n3,\r4]"), "event: log_data\ndata: [1,\ndata: 2,\ndata: 3,\ndata: 4]\n\n");
  EXPECT_EQ(event("\n"), "event: log_data\ndata: \ndata: \n\n");
  EXPECT_EQ(event(""), "event: log_data\ndata: \n\n");
}

}  // namespace
}  // namespace pillard::wire::event_stream
