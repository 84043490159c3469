"""The dialect: vqe.lark."""
