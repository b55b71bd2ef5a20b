-- A quote becomes one order. One that is cancelled (state 6) or in the recycle bin leaves the quote free for another.
CREATE UNIQUE INDEX sales_order_of_quote_key ON sales_order (tenant_id, quote_id)
    WHERE quote_id IS NOT NULL AND delete_time IS NULL AND state <> 6;
