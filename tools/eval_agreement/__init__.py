"""Do our scores of GSM8K and IFEval agree with lm-eval's, item by item, on the very same answers?"""
