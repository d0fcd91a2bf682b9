/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/auto.h"
#include "microvm/fs/iov.h"

/* Every cut of ten bytes into four buffers, empty ones included. */
static void test_every_cut(void **state)
{
	char text[] = "0123456789";

	(void)state;
	for (size_t cut = 0; cut < 11 * 11 * 11; cut++) {
		size_t a = cut % 11, b = cut / 11 % 11, d = cut / 121;
		struct iovec iov[4], part[4];
		char buf[16] = { 0 };
		unsigned int n;

		if (a + b + d > 10)
			continue;
		iov[0] = (struct iovec){ text, a };
		iov[1] = (struct iovec){ text + a, b };
		iov[2] = (struct iovec){ text + a + b, d };
		iov[3] = (struct iovec){ text + a + b + d, 10 - a - b - d };
		assert_int_equal(iov_bytes(iov, 4), 10);
		for (size_t from = 0; from <= 12; from++) {
			size_t want = from < 10 ? 10 - from : 0;

			want = want < 5 ? want : 5;
			memset(buf, 0, sizeof(buf));
			assert_int_equal(iov_read(iov, 4, from, buf, 5), want);
			assert_memory_equal(buf, text + (want ? from : 0),
					    want);
			n = iov_part(iov, 4, from, 5, part);
			assert_int_equal(iov_bytes(part, n), want);
			if (want)
				assert_ptr_equal(part[0].iov_base, text + from);
			for (unsigned int i = 0; i < n; i++)
				assert_true(part[i].iov_len > 0);
		}
	}
}

static void test_write_stays_inside(void **state)
{
	char text[] = "..........";
	struct iovec iov[2] = { { text + 2, 3 }, { text + 6, 2 } };

	(void)state;
	assert_int_equal(iov_write(iov, 2, 1, "abcdefgh", 8), 4);
	assert_string_equal(text, "...ab.cd..");
	assert_int_equal(iov_write(iov, 2, 5, "x", 1), 0);
	assert_int_equal(iov_write(iov, 2, 0, "x", 0), 0);
	assert_string_equal(text, "...ab.cd..");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_cut),
		cmocka_unit_test(test_write_stays_inside),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
